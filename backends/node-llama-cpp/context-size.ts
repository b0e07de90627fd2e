/** How a context is laid out. */
export interface ContextSize {
  /** Tokens that one sequence may hold. */
  readonly maxLength: number;
  /** KV cells, shared by all sequences. */
  readonly cells: number;
}

export interface ContextSizeRequest {
  /** What the model was trained for. */
  readonly trainedLength: number;
  /** What the user asked for, at most `trainedLength`. */
  readonly maxLength: number | undefined;
  readonly maxSequences: number;
  /** What the context may take. */
  readonly budgetBytes: number;
  /** What a context of so many cells takes. */
  readonly estimateBytes: (cells: number) => Promise<number>;
}

/** Past this many cells, more serve no conversation that is likely: they are taken only for a longer `maxLength`. */
const plentyOfCells = 65_536;
const fewestCells = 512;

/**
 * Fits a context into memory: enough cells for every sequence to reach its full length, where there is room, and fewer
 * (the sequences share them) where there is not. A length that the user asked for is kept; one that they did not ask
 * for gives way last.
 */
export async function fitContext(request: ContextSizeRequest): Promise<ContextSize> {
  const length = request.maxLength ?? request.trainedLength;
  let cells = Math.max(length, Math.min(length * request.maxSequences, plentyOfCells));
  const floor = request.maxLength ?? Math.min(fewestCells, length);
  while (cells > floor && (await request.estimateBytes(cells)) > request.budgetBytes) {
    cells = Math.max(floor, Math.floor(cells / 2));
  }
  return { maxLength: Math.min(length, cells), cells };
}
