/**
 * Requests to the hashing thread. A running hash is begun, advanced as the file grows from its start, and finished;
 * `crc32` covers one range. Every request gets a reply, in order.
 */
export type HashRequest = { readonly id: number } & (
  | {
      readonly type: 'begin';
      readonly stream: number;
      readonly path: string;
      readonly algorithm: 'sha1' | 'sha256';
      readonly prefix: string;
    }
  | { readonly type: 'advance'; readonly stream: number; readonly end: number }
  | { readonly type: 'finish'; readonly stream: number }
  | { readonly type: 'crc32'; readonly path: string; readonly start: number; readonly end: number }
);

/** `value` is the hexadecimal digest for `finish`, the checksum for `crc32`. */
export type HashReply = { readonly id: number } & (
  { readonly value: string | number | null } | { readonly failure: string; readonly code: string | undefined }
);
