import type { Candidate, GgufFile } from './candidates.ts';
import type { Headers } from './headers.ts';
import {
  companionKindInName,
  encodingInName,
  folderOf,
  isGguf,
  isProjectorName,
  nameTokens,
  placeOf,
} from './names.ts';

/** The types of a projector, best first. */
const PROJECTOR_ENCODINGS: readonly (string | undefined)[] = ['F16', 'BF16', 'F32', 'Q8_0'];
/** Headers read to find a projector whose name does not reveal it. */
const MAX_READ = 16;

/** The projectors that may belong to a model. */
export interface Pairing<File extends GgufFile> {
  /** The model's own, in several types, best first. None for a model without vision. */
  readonly projectors: readonly File[];
  /** Those of several models, if neither names nor headers tell which one fits. */
  readonly ambiguous: readonly File[];
  /** Those that belong to another model. */
  readonly foreign: readonly File[];
}

const NONE = { projectors: [], ambiguous: [], foreign: [] };

/**
 * Finds the projector of a model among the files of its repository or folder: by folder, then by the name that has most
 * in common with the model's, then by the width of the embeddings. A projector named after no model fits any.
 */
export async function pairProjector<File extends GgufFile>(
  model: Candidate<File>,
  files: readonly File[],
  headers: Headers<File>,
): Promise<Pairing<File>> {
  const ggufs = files.filter(({ path }) => isGguf(path));
  const named = nearest(
    model.path,
    ggufs.filter(({ path }) => isProjectorName(path)),
  );
  const found = named.length > 0 ? named : await projectorsByHeader(model, ggufs, headers);
  const groups = groupsByName(model.path, found);
  const [best] = groups;
  if (best === undefined) return NONE;
  const rivals = best.isOther ? groups : groups.filter((group) => compareMatches(group, best) === 0);
  const matching = best.isOther || rivals.length > 1 ? await ofWidth(model, rivals, headers) : rivals;
  if (best.isOther && matching.length === 0) return { ...NONE, foreign: found };
  const left = matching.length > 0 ? matching : rivals;
  const sorted = left.flatMap((group) => group.files).toSorted(byEncoding);
  return left.length === 1 ? { ...NONE, projectors: sorted } : { ...NONE, ambiguous: sorted };
}

/** In the folder of the model, else in the nearest above it. */
function nearest<File extends GgufFile>(modelPath: string, projectors: readonly File[]): readonly File[] {
  const beside = projectors.filter(({ path }) => folderOf(path) === folderOf(modelPath));
  if (beside.length > 0) return beside;
  const above = projectors.filter(({ path }) => placeOf(modelPath).startsWith(placeOf(path)));
  const depth = Math.max(...above.map(({ path }) => placeOf(path).length));
  return above.filter(({ path }) => placeOf(path).length === depth);
}

/** Files with other names beside the model whose headers say that they are projectors. */
async function projectorsByHeader<File extends GgufFile>(
  model: Candidate<File>,
  ggufs: readonly File[],
  headers: Headers<File>,
): Promise<File[]> {
  const own = nameTokens(model.path).join(' ');
  const others = ggufs.filter(
    ({ path }) =>
      folderOf(path) === folderOf(model.path) &&
      nameTokens(path).join(' ') !== own &&
      companionKindInName(path) === undefined,
  );
  const smallest = others.toSorted((a, b) => a.bytes - b.bytes).slice(0, MAX_READ);
  const kinds = await Promise.all(smallest.map(async (file) => ({ file, kind: (await headers.of(file)).kind })));
  return kinds.filter(({ kind }) => kind === 'projector').map(({ file }) => file);
}

/** Projectors whose names differ only in the type, and how similar that name is to the model's. */
interface Group<File extends GgufFile> {
  readonly files: readonly File[];
  readonly sharedWords: number;
  /** Words that the model's name lacks. */
  readonly otherWords: number;
  /** Whether it is the name of another model: no word in common, or another size. */
  readonly isOther: boolean;
}

/** The groups of projectors, those with the most similar names first. */
function groupsByName<File extends GgufFile>(modelPath: string, projectors: readonly File[]): Group<File>[] {
  const model = nameTokens(modelPath);
  const byName = new Map<string, File[]>();
  for (const file of projectors) {
    const name = nameTokens(file.path).join(' ');
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  const groups = [...byName].map(([name, files]) => ({ files, ...matchOf(model, name === '' ? [] : name.split(' ')) }));
  return groups.sort(compareMatches);
}

function matchOf(model: readonly string[], projector: readonly string[]): Omit<Group<GgufFile>, 'files'> {
  const sharedWords = longestCommonSubsequence(model, projector);
  const isNamed = model.length > 0 && projector.length > 0;
  const sizes = projector.filter(isSize);
  const isOtherSize = sizes.length > 0 && model.some(isSize) && !sizes.some((size) => model.includes(size));
  const isOther = isNamed && (sharedWords === 0 || isOtherSize);
  return { sharedWords, otherWords: projector.length - sharedWords, isOther };
}

function compareMatches(a: Group<GgufFile>, b: Group<GgufFile>): number {
  return Number(a.isOther) - Number(b.isOther) || a.otherWords - b.otherWords || b.sharedWords - a.sharedWords;
}

/** `4b`, `270m`: a number of parameters. */
function isSize(token: string): boolean {
  return /^\d+[bm]$/.test(token);
}

function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let row = b.map(() => 0);
  for (const word of a) {
    const next: number[] = [];
    for (const [index, other] of b.entries()) {
      const diagonal = row[index - 1] ?? 0;
      next.push(word === other ? diagonal + 1 : Math.max(next[index - 1] ?? 0, row[index] ?? 0));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The groups of projectors that make embeddings of the width that the model takes, by their headers. */
async function ofWidth<File extends GgufFile>(
  model: Candidate<File>,
  groups: readonly Group<File>[],
  headers: Headers<File>,
): Promise<Group<File>[]> {
  const { width } = await headers.ofModel(model);
  if (width === undefined) return [];
  const widths = await Promise.all(groups.map(async ({ files: [file] }) => file && (await headers.of(file)).width));
  return groups.filter((_, index) => widths[index] === width);
}

function byEncoding(a: GgufFile, b: GgufFile): number {
  return rankOf(a) - rankOf(b);
}

function rankOf({ path }: GgufFile): number {
  const found = PROJECTOR_ENCODINGS.indexOf(encodingInName(path));
  return found === -1 ? PROJECTOR_ENCODINGS.length : found;
}
