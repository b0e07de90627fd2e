import { VserveError } from '../errors/index.ts';
import { textIn } from './decode-text.ts';
import { imageFormatOf, SUPPORTED_FORMATS } from './image-format.ts';
import { videoFormatOf } from './video-format.ts';

export type DocumentKind = 'pdf' | 'image' | 'text';

/** Readers of PDF look for its signature in this many bytes. */
const PDF_LOOKED_AT_BYTES = 1024;

/** In hexadecimal. */
const OTHERS: readonly (readonly [signature: RegExp, name: string])[] = [
  [/^504b(?:0304|0506)/, 'a ZIP archive, as documents of Word, Excel, PowerPoint, OpenOffice and EPUB are'],
  [/^d0cf11e0/, 'a document of an old Word, Excel or PowerPoint'],
  // {\rtf
  [/^7b5c727466/, 'a document in RTF'],
  // %!PS
  [/^25215053/, 'a PostScript file'],
];

/** Whether a file has the signature of a PDF, which need not come first. */
export function startsAsPdf(file: Uint8Array): boolean {
  return Buffer.from(file.subarray(0, PDF_LOOKED_AT_BYTES)).includes('%PDF-');
}

/**
 * What a file is, by its bytes: a PDF, an image or a text, whatever its name or media type says. Throws `undecodable` for
 * anything else.
 */
export function documentKindOf(file: Uint8Array): DocumentKind {
  if (file.length === 0) throw new VserveError('undecodable', 'The document is empty (0 bytes).');
  if (startsAsPdf(file)) return 'pdf';
  if (imageFormatOf(file) !== undefined) return 'image';
  const hex = Buffer.from(file.subarray(0, 8)).toString('hex');
  const [, other] = OTHERS.find(([signature]) => signature.test(hex)) ?? [];
  if (other !== undefined) {
    throw new VserveError('undecodable', `The document is ${other}, which this server cannot read. Save it as PDF.`);
  }
  if (videoFormatOf(file) !== undefined) {
    throw new VserveError('undecodable', 'The document is a video. Send it in a part of type video_url.');
  }
  if (textIn(file) !== undefined) return 'text';
  const message = `The document is neither a PDF nor a text in UTF-8 nor an image (${SUPPORTED_FORMATS}).`;
  throw new VserveError('undecodable', message);
}
