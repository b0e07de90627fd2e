import { VserveError } from '../errors/index.ts';
import { formatBytes } from '../formats/format-bytes.ts';
import { contextTokens } from '../gguf/context-bytes.ts';
import { candidatesOf } from './candidates.ts';
import type { Candidate, GgufFile } from './candidates.ts';
import type { Headers } from './headers.ts';
import { kindNames } from './kind.ts';
import type { GgufKind } from './kind.ts';
import { companionKindInName, isProjectorName, modelKeyOf, tellsEncoding, tellsExactly } from './names.ts';
import type { ChosenModel, ModelWish } from './model-wish.ts';
import { pairProjector } from './pair-projector.ts';

/** Files whose kind an error explains. */
const MAX_NAMED = 3;

/**
 * Chooses a model among the files of a repository or a folder: by path, by type, or, for `auto`, the largest that fits
 * the memory together with its projector and a context. Headers settle what names leave open.
 * Throws `model_unavailable`, which lists what there is, `shard_missing` for a model that lacks a part, and what reading
 * a header throws.
 */
export async function chooseModel<File extends GgufFile>(
  files: readonly File[],
  wish: ModelWish,
  headers: Headers<File>,
): Promise<ChosenModel<File>> {
  const choice = new Choice(files, wish, headers);
  if (wish.path !== undefined) return choice.byPath(wish.path);
  return wish.encoding === 'auto' ? choice.byMemory() : choice.byEncoding(wish.encoding);
}

class Choice<File extends GgufFile> {
  readonly #files: readonly File[];
  readonly #wish: ModelWish;
  readonly #headers: Headers<File>;
  readonly #candidates: readonly Candidate<File>[];
  /** Keys of candidates whose headers say that they are not models. */
  readonly #others = new Map<string, GgufKind>();

  constructor(files: readonly File[], wish: ModelWish, headers: Headers<File>) {
    this.#files = files;
    this.#wish = wish;
    this.#headers = headers;
    this.#candidates = candidatesOf(files);
  }

  async byPath(path: string): Promise<ChosenModel<File>> {
    const model = this.#candidates.find(({ files }) => files.some((file) => file.path === path));
    if (model === undefined) {
      const kind = isProjectorName(path) ? 'projector' : companionKindInName(path);
      const isThere = this.#files.some((file) => file.path === path);
      if (isThere && kind !== undefined) throw this.#noModel(`${path} is ${kindNames[kind]}.`);
      throw this.#noModel(`${this.#wish.where} has no GGUF model ${JSON.stringify(path)}.`);
    }
    requireWhole(model, this.#wish);
    if (!(await this.#isModel(model))) throw this.#noModel(this.#whatItIs(model));
    return this.#chosen(model);
  }

  async byEncoding(encoding: string): Promise<ChosenModel<File>> {
    const { type, models } = await this.#modelsOfType(encoding);
    const whole = models.filter(({ missing }) => missing.length === 0);
    const exact = whole.filter(({ path }) => tellsExactly(path, type));
    const [model, ...others] = exact.length > 0 ? exact : whole;
    for (const incomplete of model === undefined ? models : []) requireWhole(incomplete, this.#wish);
    if (model === undefined) throw this.#noModel(`${this.#wish.where} has no GGUF model of type ${encoding}.`);
    if (others.length > 0)
      throw this.#noModel(`${this.#wish.where} has several GGUF models of type ${encoding}.`, [model, ...others]);
    return this.#chosen(model);
  }

  /** The models of a type; for `q4_k`, if there are none, those of `q4_k_m`, which llama.cpp means by it. */
  async #modelsOfType(type: string): Promise<{ readonly type: string; readonly models: readonly Candidate<File>[] }> {
    const models = await this.#models(this.#candidates.filter(({ path }) => tellsEncoding(path, type)));
    const isShort = /^q[345]_k$/i.test(type);
    return models.length === 0 && isShort ? this.#modelsOfType(`${type}_m`) : { type, models };
  }

  async byMemory(): Promise<ChosenModel<File>> {
    const whole = this.#candidates.filter(({ missing }) => missing.length === 0);
    if (this.#wish.ifSeveral === 'ask') await this.#requireOneModel(whole);
    // 32 bits hold no more than the 16 that the weights were published in.
    const small = whole.filter(({ encoding }) => encoding !== 'F32');
    const sorted = (small.length > 0 ? small : whole).toSorted((a, b) => b.bytes - a.bytes);
    const memoryBytes = await this.#memoryFor(whole.length);
    for (const model of sorted.filter(({ bytes }) => bytes <= memoryBytes)) {
      if (!(await this.#isModel(model)) || (await this.#needOf(model)) > memoryBytes) continue;
      const count = this.#left().filter(({ missing }) => missing.length === 0).length;
      const room = memoryBytes === Infinity ? '' : ` that fits in ${formatBytes(memoryBytes)} of memory with a context`;
      const reason = `${model.path} (${formatBytes(model.bytes)}): the largest of ${count} GGUF models${room}.`;
      return this.#chosen(model, count > 1 ? reason : undefined);
    }
    return this.#noneFits(sorted, memoryBytes);
  }

  /** Without a choice there is no need to load a backend, which is slow. */
  async #memoryFor(modelCount: number): Promise<number> {
    const { memoryBytes, ifNoneFits } = this.#wish;
    const isChoice = modelCount > 1 || (modelCount === 1 && ifNoneFits === 'refuse');
    return isChoice ? ((await memoryBytes()) ?? Infinity) : Infinity;
  }

  async #requireOneModel(candidates: readonly Candidate<File>[]): Promise<void> {
    const byModel = new Map(candidates.map((candidate) => [modelKeyOf(candidate.path), candidate]));
    if (byModel.size > 1 && (await this.#models([...byModel.values()])).length > 1) {
      throw this.#noModel(`${this.#wish.where} holds several GGUF models.`);
    }
  }

  async #noneFits(sorted: readonly Candidate<File>[], memoryBytes: number): Promise<ChosenModel<File>> {
    const smallest = await this.#firstModel(sorted.toReversed());
    if (smallest === undefined) {
      for (const incomplete of this.#left()) requireWhole(incomplete, this.#wish);
      throw this.#noModel('');
    }
    if (this.#wish.ifNoneFits === 'smallest') return this.#chosen(smallest);
    const { where, advice } = this.#wish;
    const need = `${formatBytes(await this.#needOf(smallest))} with its projector and a context of ${contextTokens(undefined)} tokens`;
    throw this.#noModel(
      `${where} has no GGUF model that fits in ${formatBytes(memoryBytes)} of memory: the smallest is ${smallest.path}, which takes ${need}.`,
      this.#left(),
      `${advice} to take it anyway`,
    );
  }

  async #firstModel(candidates: readonly Candidate<File>[]): Promise<Candidate<File> | undefined> {
    for (const candidate of candidates) if (await this.#isModel(candidate)) return candidate;
    return undefined;
  }

  /** Bytes in memory of a model, its projector and a context. */
  async #needOf(model: Candidate<File>): Promise<number> {
    const { contextBytes } = await this.#headers.ofModel(model);
    const { otherProjectorBytes } = this.#wish;
    const projector = otherProjectorBytes ?? (await this.#projectorBytes(model));
    return model.bytes + contextBytes + projector;
  }

  async #projectorBytes(model: Candidate<File>): Promise<number> {
    const { projectors, ambiguous } = await pairProjector(model, this.#files, this.#headers);
    return [...projectors, ...ambiguous][0]?.bytes ?? 0;
  }

  async #models(candidates: readonly Candidate<File>[]): Promise<Candidate<File>[]> {
    const are = await Promise.all(candidates.map((candidate) => this.#isModel(candidate)));
    return candidates.filter((_, index) => are[index]);
  }

  /** A file without a readable header passes: opening it reports the reason. */
  async #isModel(candidate: Candidate<File>): Promise<boolean> {
    const { kind = 'model' } = await this.#headers.ofModel(candidate);
    if (kind !== 'model') this.#others.set(modelKeyOf(candidate.path), kind);
    return kind === 'model';
  }

  #left(): Candidate<File>[] {
    return this.#candidates.filter((candidate) => !this.#others.has(modelKeyOf(candidate.path)));
  }

  #whatItIs(candidate: Candidate<File>): string {
    return `${candidate.path} is ${kindNames[this.#others.get(modelKeyOf(candidate.path)) ?? 'model']}.`;
  }

  #chosen(model: Candidate<File>, reason?: string): ChosenModel<File> {
    return { model, models: this.#left(), reason };
  }

  #noModel(problem: string, among = this.#left(), advice = this.#wish.advice): VserveError {
    const { where, param } = this.#wish;
    const listed = among.map(({ path, bytes, missing }) => {
      return `\n  ${path} (${formatBytes(bytes)}${missing.length === 0 ? '' : ', incomplete'})`;
    });
    const isEmpty = among.length === 0;
    const message = isEmpty
      ? `${where} holds no GGUF model. ${this.#companions()}`
      : `${problem} ${advice}:${listed.join('')}`;
    return new VserveError('model_unavailable', message.trimEnd(), { param });
  }

  /** Explains the files that are not models. */
  #companions(): string {
    const byName = this.#files.flatMap(({ path }) => {
      const kind = isProjectorName(path) ? 'projector' : companionKindInName(path);
      return kind === undefined ? [] : [`${path} is ${kindNames[kind]}.`];
    });
    const byHeader = this.#candidates
      .filter(({ path }) => this.#others.has(modelKeyOf(path)))
      .map((candidate) => this.#whatItIs(candidate));
    return [...byHeader, ...byName].slice(0, MAX_NAMED).join(' ');
  }
}

function requireWhole({ path, missing }: Candidate, { where }: ModelWish): void {
  if (missing.length === 0) return;
  throw new VserveError(
    'shard_missing',
    `${where} lacks parts of ${path}: ${missing.join(', ')}. Choose another model.`,
  );
}
