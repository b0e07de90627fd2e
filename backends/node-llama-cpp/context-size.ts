/** How a context is laid out. */
export interface ContextSize {
  /** Tokens that one sequence may hold. */
  readonly maxLength: number;
  /** Sequences at a time. */
  readonly maxSequences: number;
  /** Whether each sequence has KV cells of its own. */
  readonly separate: boolean;
  /** KV cells: of each sequence if they are separate, else shared by all. */
  readonly cells: number;
  /** What it takes. */
  readonly bytes: number;
  /** A shorter length, with which each would have cells of its own; undefined if they have, or the user chose the length. */
  readonly separateLength: number | undefined;
}

/** KV cells of a context: separate, as many for each sequence. */
export interface ContextLayout {
  readonly cells: number;
  readonly sequences: number;
  readonly separate: boolean;
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
  /** What separate cells may take at most even where there is more: llama.cpp clears them all when it starts. */
  readonly mostSeparateBytes: number;
  /** What a context takes. */
  readonly estimateBytes: (layout: ContextLayout) => Promise<number>;
}

/** Past this many cells, more serve no conversation that is likely: they are taken only for a longer `maxLength`. */
const plentyOfCells = 65_536;
/** A length that serves most conversations with images: to hold several of them comes before a longer one. */
const comfortableLength = 16_384;
const fewestCells = 512;
/** A length that is worth a mention: it holds a conversation with an image. */
const shortestSeparate = 2048;
/** Fewer sequences are taken only where that makes the context smaller by at least this part. */
const worthwhileSaving = 0.01;

/**
 * Fits a context into memory. Where there is room for it, every sequence has cells of its own for its full length: each then
 * computes its attention over no cells but its own. Else they share cells, see `fitShared`.
 */
export async function fitContext(request: ContextSizeRequest): Promise<ContextSize> {
  const shared = await fitShared(request);
  const maxLength = request.maxLength ?? request.trainedLength;
  const maxSequences = request.maxSequences ?? request.defaultSequences;
  const affordable = Math.min(request.budgetBytes, Math.max(request.mostSeparateBytes, shared.bytes));
  const separateBytes = (cells: number): Promise<number> =>
    request.estimateBytes({ cells, sequences: maxSequences, separate: true });
  const bytes = await separateBytes(maxLength);
  if (bytes <= affordable) {
    return { maxLength, maxSequences, separate: true, cells: maxLength, bytes, separateLength: undefined };
  }
  if (request.maxLength !== undefined) return shared;
  let separateLength = shared.maxLength;
  do separateLength = Math.floor(separateLength / 2);
  while (separateLength >= shortestSeparate && (await separateBytes(separateLength)) > affordable);
  return separateLength < shortestSeparate ? shared : { ...shared, separateLength };
}

/**
 * Fits a context whose sequences share their cells: enough for every sequence to reach its full length, where there is room,
 * and fewer where there is not. Where not even one would reach it, the length gives way, down to one that is comfortable;
 * then the number of sequences, if that saves anything (windows and recurrent states are kept for each); then the length
 * again. What the user asked for is kept.
 */
async function fitShared(request: ContextSizeRequest): Promise<ContextSize> {
  const { budgetBytes } = request;
  const estimateBytes = (cells: number, sequences: number): Promise<number> =>
    request.estimateBytes({ cells, sequences, separate: false });
  const length = request.maxLength ?? request.trainedLength;
  const shortest = (wanted: number): number => request.maxLength ?? Math.min(wanted, length);
  let maxSequences = request.maxSequences ?? request.defaultSequences;
  let cells = Math.max(length, Math.min(length * maxSequences, plentyOfCells));
  let bytes = await estimateBytes(cells, maxSequences);
  const shrinkTo = async (fewest: number): Promise<void> => {
    while (bytes > budgetBytes && cells > fewest) {
      cells = Math.max(fewest, Math.floor(cells / 2));
      bytes = await estimateBytes(cells, maxSequences);
    }
  };
  await shrinkTo(length);
  await shrinkTo(shortest(comfortableLength));
  while (bytes > budgetBytes && request.maxSequences === undefined && maxSequences > 1) {
    const fewer = Math.floor(maxSequences / 2);
    const fewerBytes = await estimateBytes(cells, fewer);
    if (fewerBytes > bytes * (1 - worthwhileSaving)) break;
    [maxSequences, bytes] = [fewer, fewerBytes];
  }
  await shrinkTo(shortest(fewestCells));
  return { maxLength: Math.min(length, cells), maxSequences, separate: false, cells, bytes, separateLength: undefined };
}
