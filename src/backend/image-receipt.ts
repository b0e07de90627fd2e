/** How an image came. */
export interface SentImage {
  /** Path in the client's request. */
  readonly param: string;
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  /** The source came before, and was not decoded again. */
  readonly wasDecoded: boolean;
  readonly fetchMs: number;
  readonly decodeMs: number;
}

/** What became of an image of a prompt. */
export interface ImageReceipt {
  /** Set by the server. */
  readonly sent?: SentImage;
  /** Size that the model saw all of it in, in pixels; absent where the backend cannot tell. */
  readonly seen?: { readonly width: number; readonly height: number };
  /** Of the prompt, without the text round the image. */
  readonly tokens: number;
  /** Tiles or crops that it was cut into, besides the whole; 0 for none. */
  readonly tiles: number;
  /** Its encoded form was cached: the vision encoder had nothing to do. */
  readonly wasEncoded: boolean;
  /** Its tokens were in the KV cache: the text model had nothing to do, either. */
  readonly wasComputed: boolean;
  /** In the vision encoder. */
  readonly encodeMs: number;
}
