/** What a model is, known from the headers of its files. */
export interface ModelDescription {
  /** For a checkpoint the class named in config.json, else `general.architecture`. */
  readonly architecture: string;
  /** llama.cpp's name of the text model's architecture: `gemma3`. */
  readonly family: string;
  readonly name?: string | undefined;
  /** Of the text model. */
  readonly parameters: number;
  /** Of the vision encoder and its projector; undefined without one. */
  readonly visionParameters?: number | undefined;
  /** Tokens the model was trained for. */
  readonly contextLength?: number | undefined;
  /** Bytes per token of the KV cache (f16), at most: sliding windows take less. */
  readonly contextBytesPerToken: number;
  /** The type of most of its weights. */
  readonly precision: string;
  /** Bytes of the mmproj, whose precision does not depend on the model's. */
  readonly mmprojBytes: number;
  /** Its own sampling settings, by llama.cpp's and transformers' names, which override vserve's defaults; undefined where not known. */
  readonly sampling?: Readonly<Record<string, number | string>> | undefined;
  /** What is not followed of the checkpoint's settings, a sentence each; undefined where not known. */
  readonly unfollowed?: readonly string[] | undefined;
  /**
   * Bytes of the text model in each precision it can have, best first, starting with its own; a GGUF file has only its
   * own.
   */
  readonly sizes: readonly PrecisionSize[];
}

export interface PrecisionSize {
  readonly precision: string;
  readonly bytes: number;
}
