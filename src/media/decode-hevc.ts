import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { VserveError } from '../errors/index.ts';
import type { Pixels } from './pixels.ts';
import { compileWasm, limitedTo } from './wasm.ts';
import type { InstantiateWasm, WasmModule } from './wasm.ts';

/** The functions of libheif that are used, as its build for JavaScript exports them. */
interface Libheif {
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown };
  readonly heif_chroma: { readonly heif_chroma_interleaved_RGB: unknown };
  heif_context_alloc(): object;
  heif_context_free(context: object): void;
  heif_context_read_from_memory(context: object, file: Uint8Array): HeifError;
  heif_js_context_get_primary_image_handle(context: object): object & Partial<HeifError>;
  heif_image_handle_get_width(handle: object): number;
  heif_image_handle_get_height(handle: object): number;
  heif_image_handle_release(handle: object): void;
  heif_js_decode_image2(handle: object, colorspace: unknown, chroma: unknown): DecodedHeif & Partial<HeifError>;
  heif_image_release(image: object): void;
}

/** `code` is an object of Embind; its value is 0 where all is well. */
interface HeifError {
  readonly code: { readonly value: number };
  readonly message?: string;
}

interface DecodedHeif {
  readonly image?: object;
  readonly channels?: readonly {
    readonly stride: number;
    readonly data: Uint8Array;
    readonly width: number;
    readonly height: number;
  }[];
}

type CreateLibheif = (options: { readonly instantiateWasm: InstantiateWasm }) => Libheif;

const MAX_BYTES = 1024 * 1024 * 1024;

interface Loaded {
  readonly create: CreateLibheif;
  readonly module: WasmModule;
}

let loading: Promise<Loaded> | undefined;

async function load(): Promise<Loaded> {
  const require = createRequire(import.meta.url);
  const create = require('libheif-js/libheif-wasm/libheif.js') as CreateLibheif;
  return { create, module: await compileWasm(await readFile(require.resolve('libheif-js/libheif-wasm/libheif.wasm'))) };
}

/**
 * Decodes the primary image of a HEIC by libheif, in an instance of its own, as it is to be shown: turned, mirrored and
 * cropped. Colours stay those of its profile, if it has one. `size` is what was reserved for it. Throws `undecodable`.
 */
export async function decodeHevc(
  file: Uint8Array,
  size: { readonly width: number; readonly height: number },
): Promise<Pixels> {
  loading ??= load();
  const { create, module } = await loading;
  try {
    return decodePrimary(create({ instantiateWasm: limitedTo(module, MAX_BYTES) }), file, size);
  } catch (error) {
    if (error instanceof VserveError) throw error;
    throw broken('it is damaged, or takes too much memory', error);
  }
}

function decodePrimary(
  heif: Libheif,
  file: Uint8Array,
  size: { readonly width: number; readonly height: number },
): Pixels {
  const context = heif.heif_context_alloc();
  const read = heif.heif_context_read_from_memory(context, file);
  if (read.code.value !== 0) throw broken(read.message);
  const handle = heif.heif_js_context_get_primary_image_handle(context);
  if (handle.code !== undefined) throw broken(handle.message);
  const width = heif.heif_image_handle_get_width(handle);
  const height = heif.heif_image_handle_get_height(handle);
  if (width * height > size.width * size.height) throw broken('its size is stated in two ways');
  const { heif_colorspace_RGB: rgb } = heif.heif_colorspace;
  const { heif_chroma_interleaved_RGB: interleaved } = heif.heif_chroma;
  const decoded = heif.heif_js_decode_image2(handle, rgb, interleaved);
  const [plane] = decoded.channels ?? [];
  if (decoded.image === undefined || plane === undefined) throw broken(decoded.message);
  if (plane.width !== width || plane.height !== height) throw broken('its pixels have another size than it states');
  return { width, height, rgb: rowsOf(plane.data, plane.stride, width * 3, height) };
}

/** Rows without what pads them. */
function rowsOf(data: Uint8Array, stride: number, rowBytes: number, rows: number): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(rowBytes * rows);
  for (let row = 0; row < rows; row += 1)
    packed.set(data.subarray(row * stride, row * stride + rowBytes), row * rowBytes);
  return packed;
}

function broken(reason = 'it is damaged', cause?: unknown): VserveError {
  return new VserveError('undecodable', `The image cannot be decoded as HEIC: ${reason}.`, { cause });
}
