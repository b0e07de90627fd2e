/** How a context is laid out. */
export interface ContextSize {
  /** Tokens that one sequence may hold. */
  readonly maxLength: number;
  /** Sequences at a time. */
  readonly maxSequences: number;
  /** KV cells, shared by all sequences. */
  readonly cells: number;
  /** What it takes. */
  readonly bytes: number;
}

export interface ContextSizeRequest {
  /** What the model was trained for. */
  readonly trainedLength: number;
  /** What the user asked for, at most `trainedLength`. */
  readonly maxLength: number | undefined;
  /** What the user asked for. */
  readonly maxSequences: number | undefined;
  /** Where the user did not say. */
  readonly defaultSequences: number;
  /** What the context may take. */
  readonly budgetBytes: number;
  /** What a context of so many cells for so many sequences takes. */
  readonly estimateBytes: (cells: number, sequences: number) => Promise<number>;
}

/** Past this many cells, more serve no conversation that is likely: they are taken only for a longer `maxLength`. */
const plentyOfCells = 65_536;
const fewestCells = 512;

/**
 * Fits a context into memory: enough cells for every sequence to reach its full length, where there is room, and fewer
 * (the sequences share them) where there is not. Where not even one would reach it, there are fewer sequences, which
 * saves what each takes for itself. What the user asked for is kept; a length that they did not ask for gives way last.
 */
export async function fitContext(request: ContextSizeRequest): Promise<ContextSize> {
  const length = request.maxLength ?? request.trainedLength;
  const floor = request.maxLength ?? Math.min(fewestCells, length);
  let maxSequences = request.maxSequences ?? request.defaultSequences;
  let cells = Math.max(length, Math.min(length * maxSequences, plentyOfCells));
  let bytes = await request.estimateBytes(cells, maxSequences);
  while (bytes > request.budgetBytes) {
    if (cells > length) cells = Math.max(length, Math.floor(cells / 2));
    else if (request.maxSequences === undefined && maxSequences > 1) maxSequences = Math.floor(maxSequences / 2);
    else if (cells > floor) cells = Math.max(floor, Math.floor(cells / 2));
    else break;
    bytes = await request.estimateBytes(cells, maxSequences);
  }
  return { maxLength: Math.min(length, cells), maxSequences, cells, bytes };
}
