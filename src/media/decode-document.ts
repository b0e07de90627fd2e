import { setImmediate } from 'node:timers/promises';
import { VserveError } from '../errors/index.ts';
import { decodeImage } from './decode-image.ts';
import { documentKindOf } from './document-kind.ts';
import { imageSizeOf } from './image-size.ts';
import type { DocumentAsk, MediaPart, PartsSettings } from './media-parts.ts';
import { pageIndices } from './page-ranges.ts';
import { pagePixels } from './page-size.ts';
import type { PdfFile } from './pdfium.ts';
import { identify } from './pixels.ts';
import type { Reserve } from './pixels.ts';
import { decodeText } from './decode-text.ts';

const SCALES = { low: 0.5, usual: 1, high: 1.5 } as const;
/** Text of one document, the limit of text in a request, too. */
const MAX_TEXT_CHARACTERS = 16 * 1024 * 1024;

const KIDS = '/Kids';
/** Between a key and its value, as far as it is looked at. */
const MAX_SPACE = 256;

export interface DocumentOptions {
  readonly asked: DocumentAsk;
  readonly settings: PartsSettings;
  readonly reserve: Reserve;
  /** Sizes alone: the bitmaps have no pixels. */
  readonly sizeOnly: boolean;
  /** Called after each page. */
  readonly onProgress: () => void;
}

/**
 * Opens a document on the calling thread, which should not be the main one: the pages of a PDF become pictures, each before
 * its text if that is asked for; a text becomes a text, an image a picture. Throws `undecodable`, `invalid_request` for
 * pages that it does not have, `too_many_images`, or what `reserve` throws.
 */
export async function decodeDocument(file: Uint8Array, options: DocumentOptions): Promise<MediaPart[]> {
  const kind = documentKindOf(file);
  if (kind === 'pdf') return decodePdf(file, options);
  const { pages, textLayer } = options.asked;
  if (pages !== undefined || textLayer) {
    const [name] = pages === undefined ? ['text_layer'] : ['pages'];
    const article = kind === 'image' ? 'an image' : 'a text';
    throw new VserveError(
      'invalid_request',
      `The document is ${article}, not a PDF: it has no pages. Leave out ${name}.`,
    );
  }
  if (kind === 'text') return [{ type: 'text', text: decodeText(file, MAX_TEXT_CHARACTERS) }];
  const { reserve, sizeOnly } = options;
  const bitmap = sizeOnly ? await imageSizeOf(file, reserve) : await decodeImage(file, reserve);
  return [{ type: 'image', bitmap }];
}

async function decodePdf(file: Uint8Array, options: DocumentOptions): Promise<MediaPart[]> {
  const { asked, settings, onProgress } = options;
  // Loads PDFium: of no use to those who send none.
  const { openPdf } = await import('./pdfium.ts');
  const pdf = await openPdf(file);
  const { pageCount } = pdf;
  if (pageCount < 1 || isTreeWithoutPages(file, pdf)) throw new VserveError('undecodable', 'The PDF has no pages.');
  const parts: MediaPart[] = [];
  let characters = 0;
  for (const index of pageIndices(asked.pages, { pageCount, maxPages: settings.maxDocumentPages })) {
    for (const part of decodePage(pdf, index, options)) {
      parts.push(part);
      if (part.type === 'text') characters += part.text.length;
    }
    if (characters > MAX_TEXT_CHARACTERS)
      throw new VserveError('undecodable', 'The PDF has too much text. Choose fewer pages.');
    onProgress();
    // Images of others wait on this thread, too.
    await setImmediate();
  }
  return parts;
}

/**
 * PDFium takes a page tree without kids for a page itself, which is right where something is drawn on it. What is in compressed
 * objects may have kids.
 */
function isTreeWithoutPages(file: Uint8Array, pdf: PdfFile): boolean {
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (text.includes('/ObjStm', 0, 'latin1') || hasKids(text)) return false;
  const page = pdf.openPage(0);
  try {
    return page.isBlank;
  } finally {
    page.close();
  }
}

/** Whether anything in a PDF has kids: a list of references, or a reference to one. */
function hasKids(text: Buffer): boolean {
  for (let at = text.indexOf(KIDS, 0, 'latin1'); at !== -1; at = text.indexOf(KIDS, at + KIDS.length, 'latin1')) {
    const behind = text.toString('latin1', at + KIDS.length, at + KIDS.length + MAX_SPACE);
    if (/^[\s\0]*(?:\[[\s\0]*)?(?:\d|%|$)/.test(behind)) return true;
  }
  return false;
}

function decodePage(pdf: PdfFile, index: number, { asked, settings, reserve, sizeOnly }: DocumentOptions): MediaPart[] {
  const page = pdf.openPage(index);
  try {
    const { widthPt, heightPt } = page.size;
    if (!(widthPt > 0 && heightPt > 0 && Number.isFinite(widthPt * heightPt))) {
      throw new VserveError('undecodable', `Page ${index + 1} of the PDF has no size.`);
    }
    const longerSide = Math.ceil(settings.documentPageSide * SCALES[asked.detail ?? 'usual']);
    const { width, height } = pagePixels(page.size, { longerSide, maxPixels: asked.maxPixels });
    reservePage(index, () => reserve(width, height));
    const bitmap = sizeOnly ? { width, height, rgb: new Uint8Array(), id: '' } : identify(page.render(width, height));
    const text = asked.textLayer ? page.text().replaceAll(/\r\n?/g, '\n').replaceAll('\0', '').trim() : '';
    return [{ type: 'image', bitmap }, ...(text === '' ? [] : [{ type: 'text' as const, text: `\n${text}\n` }])];
  } finally {
    page.close();
  }
}

function reservePage(index: number, reserve: () => void): void {
  try {
    reserve();
  } catch (error) {
    if (!(error instanceof VserveError)) throw error;
    const { code, message, cause } = error;
    throw new VserveError(
      code,
      `Page ${index + 1} of the PDF: ${message} Choose fewer pages, as in "pages": "1-${Math.max(1, index)}".`,
      {
        cause,
      },
    );
  }
}
