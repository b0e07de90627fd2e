import { VserveError } from '../errors/index.ts';

/**
 * The text of a file in UTF-8, or in UTF-16 with a byte order mark; line ends become line feeds. Throws `undecodable` for
 * anything else.
 */
export function decodeText(file: Uint8Array, maxCharacters: number): string {
  const text = textIn(file);
  if (text === undefined) throw new VserveError('undecodable', 'The document is not a text in UTF-8.');
  if (text.length > maxCharacters) {
    const message = `The document has ${text.length} characters; the limit for text is ${maxCharacters}. Send a part of it.`;
    throw new VserveError('undecodable', message);
  }
  return text.replaceAll(/\r\n?/g, '\n');
}

/** Undefined for what is not text. */
export function textIn(file: Uint8Array): string | undefined {
  const [first, second] = file;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(file);
    // Text has no control characters but white space and escapes.
    // oxlint-disable-next-line no-control-regex
    return /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
