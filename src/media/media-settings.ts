/** What images a server takes, from where, and how many bytes of them. */
export interface MediaSettings {
  /** Folders whose images `file://` URLs may name. Empty refuses every such URL. */
  readonly allowedImageRoots: readonly string[];
  /** Largest file that is read from a `file://` URL. */
  readonly maxLocalImageBytes: number;
  /** Most bytes of all images of one request: as they arrive, and again as pixels, of as many bytes as the file has for each, at least three. */
  readonly maxMediaBytes: number;
  /** Most pixels of one image, as its header states them. */
  readonly maxImagePixels: number;
  /** How long all images of a request may take to arrive and be decoded. */
  readonly mediaTimeoutS: number;
  /** Refuse `http(s)://` URLs that lead to an address that is not public. */
  readonly ssrfProtectionEnabled: boolean;
  /** Host names, IP addresses and CIDR ranges that may be fetched from all the same. */
  readonly allowedMediaHosts: readonly string[];
}
