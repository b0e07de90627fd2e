import { float16FromNumber } from './float16.ts';
import { kernelBase64 } from './q8-0-kernel.ts';

const blockElements = 32;
const blockBytes = 34;
/** Elements that go through the kernel's memory at once: few enough to stay in a core's own cache. */
const sliceElements = 16_384;

/** Where things are in the kernel's memory, in bytes. */
const valuesAt = 0;
const halvesAt = valuesAt + sliceElements * 4;
const scalesAt = halvesAt + sliceElements * 2;
const blocksAt = scalesAt + (sliceElements / blockElements) * 4;

/** TypeScript has its types with a browser's only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** What `q8-0.wat` exports. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  decodeBf16(source: number, target: number, count: number): void;
  quantize(values: number, count: number, scales: number, target: number): void;
}

let loaded: Kernel | undefined;

/** The kernel of this thread. */
function loadKernel(): Kernel {
  if (loaded === undefined) {
    const module = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));
    loaded = new WebAssembly.Instance(module).exports as Kernel;
  }
  return loaded;
}

/**
 * Quantizes blocks of 32 elements to ggml's Q8_0: the scale as half precision, then 32 signed bytes. Bit for bit what
 * `Q8_0.quantize_blocks` of gguf-py gives: scale = max |x| / 127, each element times 1 / scale, both in single
 * precision, rounded half away from zero. What is not finite becomes zero.
 */
export function quantizeQ8(values: Float32Array, count: number, target: Uint8Array): void {
  const { memory } = loadKernel();
  const input = new Float32Array(memory.buffer, valuesAt, sliceElements);
  quantizeSlices(count, target, (start, end) => input.set(values.subarray(start, end)));
}

/** The same from bfloat16 numbers (aligned, little-endian), the way from most checkpoints. */
export function quantizeBf16ToQ8(source: ArrayBuffer, count: number, target: Uint8Array): void {
  const kernel = loadKernel();
  const input = new Uint16Array(kernel.memory.buffer, halvesAt, sliceElements);
  quantizeSlices(count, target, (start, end) => {
    input.set(new Uint16Array(source, start * 2, end - start));
    kernel.decodeBf16(halvesAt, valuesAt, end - start);
  });
}

/** Quantizes slice by slice what `put` has put into the kernel's memory. */
function quantizeSlices(count: number, target: Uint8Array, put: (start: number, end: number) => void): void {
  const kernel = loadKernel();
  const { memory } = kernel;
  const scales = new Float32Array(memory.buffer, scalesAt, sliceElements / blockElements);
  const blocks = new Uint8Array(memory.buffer, blocksAt, (sliceElements / blockElements) * blockBytes);
  for (let start = 0; start < count; start += sliceElements) {
    const end = Math.min(start + sliceElements, count);
    put(start, end);
    kernel.quantize(valuesAt, end - start, scalesAt, blocksAt);
    const blockCount = (end - start) / blockElements;
    for (let block = 0; block < blockCount; block++) {
      const half = float16FromNumber(scales[block] ?? 0);
      blocks[block * blockBytes] = half & 0xff;
      blocks[block * blockBytes + 1] = half >>> 8;
    }
    target.set(blocks.subarray(0, blockCount * blockBytes), (start / blockElements) * blockBytes);
  }
}
