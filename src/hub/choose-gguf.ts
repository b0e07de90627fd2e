import { VserveError } from '../errors/index.ts';
import { formatBytes } from '../formats/format-bytes.ts';
import type { Choice, ChosenFiles } from './choose-files.ts';
import { encodingInName, isProjector, splitPart } from './gguf-names.ts';
import type { RemoteFile } from './remote-file.ts';

/** A GGUF model of a repository: its only file, or the first part of a split one with all of them. */
interface Candidate {
  readonly first: RemoteFile;
  readonly files: readonly RemoteFile[];
  readonly bytes: number;
  readonly encoding: string | undefined;
}

/** The types of a projector, best first. */
const projectorEncodings: readonly (string | undefined)[] = ['F16', 'BF16', 'F32'];

/**
 * Chooses a GGUF model and its projector: by `--weight-path`, by `--quantization-encoding`, or, for `auto`, the only one
 * or the largest that fits the memory. Throws `model_unavailable`, which lists what there is, and `shard_missing`.
 */
export async function chooseGguf(
  repository: string,
  files: readonly RemoteFile[],
  choice: Choice,
): Promise<ChosenFiles> {
  const ggufs = files.filter(({ path }) => /\.gguf$/i.test(path));
  const candidates = candidatesOf(ggufs.filter(({ path }) => !isProjector(path)));
  const { model, reason } = await chooseModel(repository, candidates, choice);
  const mmproj = chooseProjector(repository, ggufs, model.first, choice.mmproj);
  const licences = files.filter(({ path }) => /^(licen[cs]e|notice)[^/]*$/i.test(path));
  return {
    files: [...licences, ...(mmproj === undefined ? [] : [mmproj]), ...model.files],
    weightBytes: 0,
    gguf: {
      model: model.first,
      mmproj,
      models: candidates.map(({ first, encoding, bytes }) => ({ path: first.path, encoding, bytes })),
    },
    reason,
  };
}

function candidatesOf(models: readonly RemoteFile[]): Candidate[] {
  return models.flatMap((first) => {
    const split = splitPart(first.path);
    if (split !== undefined && split.part !== 1) return [];
    const files = (split?.names ?? [first.path]).map((name) => {
      const part = models.find(({ path }) => path === name);
      if (part !== undefined) return part;
      throw new VserveError('shard_missing', `The repository has ${first.path}, and not its part ${name}.`);
    });
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return [{ first, files, bytes, encoding: encodingInName(first.path) }];
  });
}

async function chooseModel(
  repository: string,
  candidates: readonly Candidate[],
  { weightPath, encoding, memoryBytes: memoryOf }: Choice,
): Promise<{ model: Candidate; reason: string | undefined }> {
  const listed = candidates.map(({ first, bytes }) => `  ${first.path} (${formatBytes(bytes)})`).join('\n');
  const fail = (problem: string): VserveError =>
    new VserveError(
      'model_unavailable',
      candidates.length === 0
        ? `${repository} holds no GGUF model.`
        : `${repository} ${problem} Choose one with --weight-path:\n${listed}`,
      { param: 'weightPath' },
    );
  if (weightPath !== undefined) {
    const model = candidates.find(({ files }) => files.some(({ path }) => path === weightPath));
    if (model === undefined) throw fail(`has no GGUF model ${JSON.stringify(weightPath)}.`);
    return { model, reason: undefined };
  }
  if (encoding !== 'auto') {
    const [model, ...others] = candidates.filter((candidate) => candidate.encoding === encoding.toUpperCase());
    if (model === undefined) throw fail(`has no GGUF model of type ${encoding}.`);
    if (others.length > 0) throw fail(`has several GGUF models of type ${encoding}.`);
    return { model, reason: undefined };
  }
  const [only, second] = candidates;
  if (only === undefined) throw fail('');
  if (second === undefined) return { model: only, reason: undefined };
  // 32 bits say no more than the 16 that the weights were published in.
  const small = candidates.filter((candidate) => candidate.encoding !== 'F32');
  const memoryBytes = (await memoryOf()) ?? Infinity;
  const fitting = (small.length > 0 ? small : candidates).filter(({ bytes }) => bytes <= memoryBytes);
  const [model] = fitting.toSorted((a, b) => b.bytes - a.bytes);
  if (model === undefined) throw fail(`has no GGUF model that fits the memory (${formatBytes(memoryBytes)}).`);
  const room = memoryBytes === Infinity ? '' : ` that fits in ${formatBytes(memoryBytes)} of memory`;
  const reason = `${model.first.path} (${formatBytes(model.bytes)}): the largest of ${candidates.length} GGUF models${room}.`;
  return { model, reason };
}

function chooseProjector(
  repository: string,
  ggufs: readonly RemoteFile[],
  model: RemoteFile,
  given: string | undefined,
): RemoteFile | undefined {
  const projectors = ggufs.filter(({ path }) => isProjector(path));
  if (given !== undefined) {
    const found = ggufs.find(({ path }) => path === given);
    if (found !== undefined) return found;
    const names = projectors.map(({ path }) => path).join(', ') || 'none';
    const message = `${repository} has no file ${JSON.stringify(given)}. Its projectors: ${names}.`;
    throw new VserveError('model_unavailable', message, { param: 'mmproj' });
  }
  const beside = projectors.filter(({ path }) => folderOf(path) === folderOf(model.path));
  const eligible = beside.length > 0 ? beside : projectors.filter(({ path }) => folderOf(path) === '');
  return eligible.toSorted((a, b) => projectorRank(a) - projectorRank(b))[0];
}

/** The folder of a path with its slash; empty at the top. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function projectorRank({ path }: RemoteFile): number {
  const found = projectorEncodings.indexOf(encodingInName(path));
  return found === -1 ? projectorEncodings.length : found;
}
