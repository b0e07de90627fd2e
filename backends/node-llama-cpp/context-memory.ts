/** What a context takes whose sequences each have cells of their own, in bytes; `swaFullCache`: windows are not used. */
export type SeparateContextEstimate = (
  cellsPerSequence: number,
  sequences: number,
  swaFullCache: boolean,
) => Promise<number>;

export interface SharedContext {
  /** KV cells, shared by all sequences. */
  readonly cells: number;
  /** Sequence ids of the context. */
  readonly slots: number;
  /** Cells of the sliding window; undefined for a model without. */
  readonly windowCells: number | undefined;
  readonly batchTokens: number;
}

/** llama.cpp rounds the cells of a KV cache up to it. */
const cellPadding = 256;

/**
 * Bytes of a context whose sequences share their cells, from estimates for contexts whose sequences do not. Of the layers
 * with a sliding window llama.cpp keeps one window for each sequence and the cells of one batch, at most all cells (its
 * `llama_kv_cache_iswa`); of recurrent layers, one state for each sequence.
 */
export async function sharedContextBytes(
  { cells, slots, windowCells, batchTokens }: SharedContext,
  estimate: SeparateContextEstimate,
): Promise<number> {
  const alone = await estimate(cells, 1, false);
  const stateBytes = Math.max(0, (await estimate(cellPadding, 2, false)) - (await estimate(2 * cellPadding, 1, false)));
  const withStates = alone + (slots - 1) * stateBytes;
  if (windowCells === undefined) return withStates;
  const aloneCells = pad(windowCells + batchTokens);
  if (aloneCells >= cells) return withStates;
  const outsideBytes = (await estimate(cells, 1, true)) - alone;
  const windowedCells = Math.min(cells, pad(windowCells * slots + batchTokens));
  return withStates + (outsideBytes * (windowedCells - aloneCells)) / (cells - aloneCells);
}

function pad(cells: number): number {
  return Math.ceil(cells / cellPadding) * cellPadding;
}
