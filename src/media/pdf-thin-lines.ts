/** The functions of PDFium that tell of the objects on a page and change them. */
export interface PdfiumObjects {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  readonly wasmExports: { readonly malloc: (bytes: number) => number; readonly free: (at: number) => void };
  _FPDFPage_CountObjects(page: number): number;
  _FPDFPage_GetObject(page: number, index: number): number;
  _FPDFFormObj_CountObjects(form: number): number;
  _FPDFFormObj_GetObject(form: number, index: number): number;
  _FPDFPageObj_GetType(object: number): number;
  _FPDFPageObj_GetMatrix(object: number, matrix: number): number;
  _FPDFPath_GetDrawMode(path: number, fill: number, stroke: number): number;
  _FPDFPageObj_GetStrokeWidth(object: number, width: number): number;
  _FPDFPageObj_GetStrokeColor(object: number, red: number, green: number, blue: number, alpha: number): number;
  _FPDFPageObj_SetStrokeColor(object: number, red: number, green: number, blue: number, alpha: number): number;
}

const PATH = 2;
const FORM = 5;
/** Forms can contain one another. */
const MAX_DEPTH = 16;
/** Further ones stay as they are: a page of so many has areas, not lines. */
const MAX_OBJECTS = 200_000;
const OPAQUE = 255;
/** Of the numbers that a function returns: six at most, of four bytes. */
const SCRATCH_BYTES = 24;

/**
 * Fades lines that are thinner than a pixel, since PDFium draws them a pixel wide: they darken the page as much as their
 * width says, as in other viewers. `pixelsPerPt`: how large the page will be drawn. A line without a width stays.
 */
export function fadeThinLines(pdfium: PdfiumObjects, page: number, pixelsPerPt: number): void {
  const at = pdfium.wasmExports.malloc(SCRATCH_BYTES);
  if (at === 0) return;
  const fader = new Fader(pdfium, at >>> 0);
  const count = pdfium._FPDFPage_CountObjects(page);
  fader.fadeAll(count, (index) => pdfium._FPDFPage_GetObject(page, index), pixelsPerPt, 0);
  pdfium.wasmExports.free(at);
}

class Fader {
  readonly #pdfium: PdfiumObjects;
  readonly #at: number;
  #left = MAX_OBJECTS;

  constructor(pdfium: PdfiumObjects, at: number) {
    this.#pdfium = pdfium;
    this.#at = at;
  }

  fadeAll(count: number, objectAt: (index: number) => number, scale: number, depth: number): void {
    for (let index = 0; index < count && this.#left > 0; index += 1) {
      this.#left -= 1;
      const object = objectAt(index);
      const type = object === 0 ? 0 : this.#pdfium._FPDFPageObj_GetType(object);
      if (type === PATH) this.#fade(object, scale * this.#scaleOf(object));
      else if (type === FORM && depth < MAX_DEPTH) this.#fadeForm(object, scale, depth);
    }
  }

  #fadeForm(form: number, scale: number, depth: number): void {
    const pdfium = this.#pdfium;
    const count = pdfium._FPDFFormObj_CountObjects(form);
    const objectAt = (index: number): number => pdfium._FPDFFormObj_GetObject(form, index);
    this.fadeAll(count, objectAt, scale * this.#scaleOf(form), depth + 1);
  }

  #fade(path: number, scale: number): void {
    const pdfium = this.#pdfium;
    const at = this.#at;
    if (pdfium._FPDFPath_GetDrawMode(path, at, at + 4) === 0 || this.#view.getInt32(at + 4, true) === 0) return;
    if (pdfium._FPDFPageObj_GetStrokeWidth(path, at) === 0) return;
    const widthPixels = this.#view.getFloat32(at, true) * scale;
    if (!(widthPixels > 0 && widthPixels < 1)) return;
    if (pdfium._FPDFPageObj_GetStrokeColor(path, at, at + 4, at + 8, at + 12) === 0) return;
    const [red, green, blue, alpha] = [0, 4, 8, 12].map((offset) => this.#view.getUint32(at + offset, true));
    if (red === undefined || green === undefined || blue === undefined) return;
    const faded = Math.round((alpha ?? OPAQUE) * widthPixels);
    pdfium._FPDFPageObj_SetStrokeColor(path, red, green, blue, faded);
  }

  /** How much an object's own matrix enlarges the width of lines, in PDFium's way. */
  #scaleOf(object: number): number {
    const at = this.#at;
    if (this.#pdfium._FPDFPageObj_GetMatrix(object, at) === 0) return 1;
    const view = this.#view;
    const [a, b, c, d] = [0, 4, 8, 12].map((offset) => view.getFloat32(at + offset, true));
    return (Math.hypot(a ?? 1, b ?? 0) + Math.hypot(c ?? 0, d ?? 1)) / 2;
  }

  /** The memory moves when it grows. */
  get #view(): DataView {
    return new DataView(this.#pdfium.HEAPU8.buffer);
  }
}
