import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PDFiumLibrary } from '@hyzyla/pdfium';
import { VserveError } from '../errors/index.ts';
import type { Pixels } from './pixels.ts';
import { fadeThinLines } from './pdf-thin-lines.ts';
import type { PdfiumObjects } from './pdf-thin-lines.ts';
import { compileWasm, limitedTo } from './wasm.ts';
import type { WasmModule } from './wasm.ts';

/** A size in points, of 1/72 inch. */
export interface PageSize {
  readonly widthPt: number;
  readonly heightPt: number;
}

/** The functions of PDFium that are used, as Emscripten exports them. */
interface Pdfium extends PdfiumObjects {
  _FPDF_LoadMemDocument(at: number, bytes: number, password: number): number;
  _FPDF_GetLastError(): number;
  _FPDF_GetPageCount(document: number): number;
  _FPDF_LoadPage(document: number, index: number): number;
  _FPDF_ClosePage(page: number): void;
  _FPDF_GetPageWidth(page: number): number;
  _FPDF_GetPageHeight(page: number): number;
  _FPDFBitmap_CreateEx(width: number, height: number, format: number, at: number, stride: number): number;
  _FPDFBitmap_FillRect(bitmap: number, x: number, y: number, width: number, height: number, color: number): void;
  _FPDFBitmap_Destroy(bitmap: number): void;
  _FPDF_RenderPageBitmap(
    bitmap: number,
    page: number,
    x: number,
    y: number,
    width: number,
    height: number,
    rotate: number,
    flags: number,
  ): void;
  _FPDF_GetFormType(document: number): number;
  _FPDFDOC_InitFormFillEnvironment(document: number, info: number): number;
  _FORM_OnAfterLoadPage(page: number, form: number): void;
  _FORM_OnBeforeClosePage(page: number, form: number): void;
  _FPDF_FFLDraw(
    form: number,
    bitmap: number,
    page: number,
    x: number,
    y: number,
    width: number,
    height: number,
    rotate: number,
    flags: number,
  ): void;
  _FPDFText_LoadPage(page: number): number;
  _FPDFText_ClosePage(textPage: number): void;
  _FPDFText_CountChars(textPage: number): number;
  _FPDFText_GetText(textPage: number, start: number, count: number, at: number): number;
}

const BGRX = 3;
const WHITE = 0xffffffff;
const ANNOTATIONS = 0x01;
/** R G B X in place of B G R X. */
const REVERSE_BYTE_ORDER = 0x10;
/** The structure that PDFium is given of what a form may call: nothing. It begins with its version. */
const FORM_INFO_BYTES = 256;
const FORM_INFO_VERSION = 2;
const PASSWORD = 4;
const SECURITY = 5;
/** Besides the file and the pixels of a page. */
const WORKING_BYTES = 512 * 1024 * 1024;
const MAX_BYTES = 2 * 1024 * 1024 * 1024;

let compiled: Promise<WasmModule> | undefined;

/**
 * Opens a PDF in an instance of PDFium of its own, so that no file can harm what comes after it. Throws `undecodable` for a
 * file that is encrypted or broken.
 */
export async function openPdf(file: Uint8Array): Promise<PdfFile> {
  compiled ??= compilePdfium();
  const maxBytes = Math.min(file.length + WORKING_BYTES, MAX_BYTES);
  const options = { instantiateWasm: limitedTo(await compiled, maxBytes) };
  const library = await PDFiumLibrary.init(options);
  const { module } = library as unknown as { readonly module: Pdfium };
  return guarded(() => new PdfFile(module, file));
}

async function compilePdfium(): Promise<WasmModule> {
  return compileWasm(await readFile(createRequire(import.meta.url).resolve('@hyzyla/pdfium/pdfium.wasm')));
}

/** An open PDF. Its memory is freed with it. */
export class PdfFile {
  readonly #pdfium: Pdfium;
  readonly #document: number;
  /** Of its form; 0 without one. */
  readonly #form: number;
  readonly pageCount: number;

  constructor(pdfium: Pdfium, file: Uint8Array) {
    this.#pdfium = pdfium;
    const at = allocate(pdfium, file.length);
    pdfium.HEAPU8.set(file, at);
    this.#document = pdfium._FPDF_LoadMemDocument(at, file.length, 0);
    if (this.#document === 0) throw cannotOpen(pdfium._FPDF_GetLastError());
    this.pageCount = pdfium._FPDF_GetPageCount(this.#document);
    this.#form = pdfium._FPDF_GetFormType(this.#document) === 0 ? 0 : openForm(pdfium, this.#document);
  }

  /** Opens a page, by its index from 0. Throws `undecodable`. */
  openPage(index: number): PdfPage {
    return guarded(() => {
      const page = this.#pdfium._FPDF_LoadPage(this.#document, index);
      if (page === 0) throw new Error('it has no readable page there');
      return new PdfPage(this.#pdfium, page, this.#form);
    });
  }
}

/** An open page of a PDF. */
export class PdfPage {
  readonly #pdfium: Pdfium;
  readonly #page: number;
  readonly #form: number;
  /** As it is shown: rotated. */
  readonly size: PageSize;

  constructor(pdfium: Pdfium, page: number, form: number) {
    this.#pdfium = pdfium;
    this.#page = page;
    this.#form = form;
    if (form !== 0) pdfium._FORM_OnAfterLoadPage(page, form);
    this.size = { widthPt: pdfium._FPDF_GetPageWidth(page), heightPt: pdfium._FPDF_GetPageHeight(page) };
  }

  /** Whether nothing is drawn on it, besides annotations and form fields. */
  get isBlank(): boolean {
    return guarded(() => this.#pdfium._FPDFPage_CountObjects(this.#page) <= 0);
  }

  /** The page on white, with its annotations and form fields, in this size. Throws `undecodable`. */
  render(width: number, height: number): Pixels {
    return guarded(() => {
      const pdfium = this.#pdfium;
      const stride = width * 4;
      const at = allocate(pdfium, stride * height);
      const bitmap = pdfium._FPDFBitmap_CreateEx(width, height, BGRX, at, stride);
      if (bitmap === 0) throw new Error('there is no memory for its pixels');
      pdfium._FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE);
      fadeThinLines(pdfium, this.#page, Math.sqrt((width * height) / (this.size.widthPt * this.size.heightPt)));
      const flags = ANNOTATIONS | REVERSE_BYTE_ORDER;
      pdfium._FPDF_RenderPageBitmap(bitmap, this.#page, 0, 0, width, height, 0, flags);
      // The fields of a form are drawn apart.
      if (this.#form !== 0) {
        pdfium._FPDF_FFLDraw(this.#form, bitmap, this.#page, 0, 0, width, height, 0, REVERSE_BYTE_ORDER);
      }
      pdfium._FPDFBitmap_Destroy(bitmap);
      // Rendering may have moved the memory.
      const rgb = withoutFourth(pdfium.HEAPU8.subarray(at, at + stride * height));
      pdfium.wasmExports.free(at);
      return { width, height, rgb };
    });
  }

  /** The page's own text, as it is stored: empty for a scan. Throws `undecodable`. */
  text(): string {
    return guarded(() => {
      const pdfium = this.#pdfium;
      const textPage = pdfium._FPDFText_LoadPage(this.#page);
      if (textPage === 0) return '';
      try {
        const count = pdfium._FPDFText_CountChars(textPage);
        if (count <= 0) return '';
        const at = allocate(pdfium, (count + 1) * 2);
        const written = pdfium._FPDFText_GetText(textPage, 0, count, at);
        const bytes = pdfium.HEAPU8.slice(at, at + Math.max(0, written - 1) * 2);
        pdfium.wasmExports.free(at);
        return new TextDecoder('utf-16le').decode(bytes);
      } finally {
        pdfium._FPDFText_ClosePage(textPage);
      }
    });
  }

  close(): void {
    guarded(() => {
      if (this.#form !== 0) this.#pdfium._FORM_OnBeforeClosePage(this.#page, this.#form);
      this.#pdfium._FPDF_ClosePage(this.#page);
    });
  }
}

function openForm(pdfium: Pdfium, document: number): number {
  const at = allocate(pdfium, FORM_INFO_BYTES);
  pdfium.HEAPU8.fill(0, at, at + FORM_INFO_BYTES);
  pdfium.HEAPU8[at] = FORM_INFO_VERSION;
  return pdfium._FPDFDOC_InitFormFillEnvironment(document, at);
}

function allocate(pdfium: Pdfium, bytes: number): number {
  const at = pdfium.wasmExports.malloc(bytes);
  if (at === 0) throw new Error('it takes too much memory');
  return at >>> 0;
}

function withoutFourth(rgbx: Uint8Array): Uint8Array<ArrayBuffer> {
  const pixels = rgbx.length / 4;
  const rgb = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    rgb[pixel * 3] = rgbx[pixel * 4] ?? 0;
    rgb[pixel * 3 + 1] = rgbx[pixel * 4 + 1] ?? 0;
    rgb[pixel * 3 + 2] = rgbx[pixel * 4 + 2] ?? 0;
  }
  return rgb;
}

function cannotOpen(error: number): VserveError {
  if (error === PASSWORD || error === SECURITY) {
    const message =
      'The PDF is encrypted: it opens only with a password, or in a way that is not supported. Send a copy without.';
    return new VserveError('undecodable', message);
  }
  return new VserveError(
    'undecodable',
    'The PDF is broken: it cannot be opened. Save it anew, or send pictures of its pages.',
  );
}

/** Does work in PDFium, whose failures are those of the file. */
function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof VserveError) throw error;
    const reason = isOutOfMemory(error) ? 'it takes too much memory' : 'it is damaged';
    throw new VserveError('undecodable', `The PDF cannot be shown: ${reason}.`, { cause: error });
  }
}

/** Emscripten aborts where an allocation fails that cannot. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && /memory|abort|OOM/i.test(error.message);
}
