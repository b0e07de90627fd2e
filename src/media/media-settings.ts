import type { PartsSettings } from './media-parts.ts';

/** Which images a server accepts, from where, and their limits. */
export interface MediaSettings extends PartsSettings {
  /** Folders whose images `file://` URLs may name. Empty refuses every such URL. */
  readonly allowedImageRoots: readonly string[];
  /** Maximum size of a file read from a `file://` URL. */
  readonly maxLocalImageBytes: number;
  /**
   * Maximum size of all images of one request, encoded, and of each as pixels, with the bytes that they have in the file, at
   * least three. All together take at most `decodedFactor` times as much as pixels.
   */
  readonly maxMediaBytes: number;
  /** Maximum pixels per image, as stated by its header. */
  readonly maxImagePixels: number;
  /** Limit for fetching and decoding all images of a request. */
  readonly mediaTimeoutS: number;
  /** Refuse `http(s)://` URLs that lead to an address that is not public. */
  readonly ssrfProtectionEnabled: boolean;
  /** Host names, IP addresses and CIDR ranges that are allowed nevertheless. */
  readonly allowedMediaHosts: readonly string[];
}
