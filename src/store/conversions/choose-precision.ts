import type { DeviceMemory } from '../../backend/index.ts';
import type { ModelDescription } from '../../conversion/index.ts';
import { formatBytes } from '../../formats/format-bytes.ts';
import { contextTokens as contextTokensFor } from '../../gguf/context-bytes.ts';
import { isPrecision } from './precision.ts';
import type { Precision } from './precision.ts';

/** The share of the free memory a model may take. The rest is for the graph's buffers and other programs. */
export const MEMORY_SHARE = 0.9;

/** What a model takes in memory at one precision. */
export interface PrecisionFit {
  readonly precision: string;
  /** Of the model and its mmproj, on the disk and in memory. */
  readonly bytes: number;
  /** Weights and context. */
  readonly memoryBytes: number;
  /** Undefined if the device's memory is not known. */
  readonly fits: boolean | undefined;
}

/** The precisions that a model can have, best first, and whether each fits the memory. */
export function precisionFits(description: ModelDescription, memory: DeviceMemory | undefined): PrecisionFit[] {
  const contextBytes = contextTokens(description) * description.contextBytesPerToken;
  return description.sizes.map(({ precision, bytes: modelBytes }) => {
    const bytes = modelBytes + description.mmprojBytes;
    const memoryBytes = bytes + contextBytes;
    const fits = memory === undefined ? undefined : memoryBytes <= memory.freeBytes * MEMORY_SHARE;
    return { precision, bytes, memoryBytes, fits };
  });
}

/** Tokens whose KV cache is counted in `memoryBytes`. */
export function contextTokens({ contextLength }: ModelDescription): number {
  return contextTokensFor(contextLength);
}

/**
 * What `auto` means: the best precision that fits the memory, the smallest if none does, the checkpoint's own if the
 * memory is not known. `reason` explains it in one line.
 */
export function choosePrecision(
  description: ModelDescription,
  memory: DeviceMemory | undefined,
): { readonly precision: Precision; readonly fits: boolean; readonly reason: string } {
  const fits = precisionFits(description, memory).flatMap(({ precision, ...fit }) =>
    isPrecision(precision) ? [{ ...fit, precision }] : [],
  );
  const own = fits[0];
  const smallest = fits.at(-1);
  if (own === undefined || smallest === undefined) {
    throw new RangeError(`A model of the precision ${description.precision} cannot be converted`);
  }
  const { precision } = own;
  if (memory === undefined) return { precision, fits: true, reason: `${precision}: the checkpoint's own precision` };
  const tokens = contextTokens(description);
  const said = ({ precision, bytes }: Pick<PrecisionFit, 'precision' | 'bytes'>) =>
    `${precision}: ${formatBytes(bytes)} of weights and a context of ${tokens} tokens`;
  const room = `${formatBytes(memory.freeBytes)} free (${memory.device})`;
  const best = fits.find((candidate) => candidate.fits === true);
  if (best === undefined) {
    return { precision: smallest.precision, fits: false, reason: `${said(smallest)} do not fit in ${room} either` };
  }
  const larger = best === own ? '' : `; ${own.precision} has ${formatBytes(own.bytes)}`;
  return { precision: best.precision, fits: true, reason: `${said(best)} fit in ${room}${larger}` };
}
