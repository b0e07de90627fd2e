const isPrintable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
const others = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !isPrintable(byte));

/**
 * The characters that stand for the 256 bytes in a byte-level vocabulary (GPT-2's `bytes_to_unicode`): printable ones
 * for themselves, the others from U+0100 on.
 */
export const byteCharacters: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  String.fromCharCode(isPrintable(byte) ? byte : 256 + others.indexOf(byte)),
);

/** Bytes as a byte-level vocabulary writes them. */
export function byteText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byteCharacters[byte]).join('');
}
