import { VserveError } from '../errors/index.ts';
import { parsePythonJson } from '../formats/python-json.ts';
import { chooseGguf } from './choose-gguf.ts';
import type { RemoteFile } from './remote-file.ts';

/** What decides which files of a repository are wanted. */
export interface Choice {
  /** A type of weights in llama.cpp's words, in either case (`f16`, `q4_k_m`), or `auto`. It chooses among GGUF files. */
  readonly encoding: string;
  /** As given to `--weight-path`: the path of a GGUF file within the repository. */
  readonly weightPath: string | undefined;
  /** As given to `--mmproj`: the path of a projector within the repository. */
  readonly mmproj: string | undefined;
  /** Memory that a GGUF model may take, for `auto`; undefined where it is not known. */
  readonly memoryBytes: () => Promise<number | undefined>;
  /** Throws when the configuration of a checkpoint is of no model that can be converted. */
  readonly checkConfig: (config: Readonly<Record<string, unknown>>) => Promise<{ readonly hasVision: boolean }>;
}

/** The GGUF files to serve. */
export interface GgufChoice {
  /** The first part of a split model. */
  readonly model: RemoteFile;
  readonly mmproj: RemoteFile | undefined;
  /** Every model of the repository, the one chosen included: the type that its name tells, and all its bytes. */
  readonly models: readonly { readonly path: string; readonly encoding: string | undefined; readonly bytes: number }[];
}

/** Files that are known by their paths. */
export interface NamedFiles {
  readonly paths: readonly string[];
}

/** The files to fetch. */
export interface ChosenFiles {
  readonly files: readonly RemoteFile[];
  /** Bytes of the weights that are converted: 0 for a GGUF model. */
  readonly weightBytes: number;
  /** The GGUF files to serve, where it is no checkpoint. */
  readonly gguf: GgufChoice | undefined;
  /** Why these, where `auto` chose. */
  readonly reason: string | undefined;
  /** What the person should know before the files are fetched. */
  readonly warning?: string;
}

/** Reads a small file of the repository as text. */
export type ReadText = (file: RemoteFile) => Promise<string>;

const indexPath = 'model.safetensors.index.json';
/** The largest configuration or index that is read. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** What transformers' tokenizers, processors and configurations are kept in, beside the weights. */
const sideFiles = new Set([
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'config.json',
  'generation_config.json',
  'hf_quant_config.json',
  'merges.txt',
  'preprocessor_config.json',
  'processor_config.json',
  'special_tokens_map.json',
  'tekken.json',
  'tiktoken.model',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'video_preprocessor_config.json',
  'vocab.json',
]);

/**
 * Chooses the files of a repository that vserve needs: of a checkpoint the safetensors shards that its index names, the
 * tokenizer, the configurations, the chat templates and the licence; of a repository of GGUF files one model and its
 * projector. Throws `model_unavailable` where there is no such model, `shard_missing`, `checkpoint_invalid`,
 * `invalid_setting`, and what `checkConfig` and `readText` throw.
 */
export async function chooseFiles(
  repository: string,
  files: readonly RemoteFile[],
  choice: Choice,
  readText: ReadText,
): Promise<ChosenFiles> {
  const weights = files.filter(({ path }) => /^model[^/]*\.safetensors$/.test(path));
  const hasGguf = files.some(({ path }) => /\.gguf$/i.test(path));
  if (choice.weightPath !== undefined || (weights.length === 0 && hasGguf)) {
    return chooseGguf(repository, files, choice);
  }
  const config = files.find(({ path }) => path === 'config.json');
  if (weights.length === 0 || config === undefined) throw noModel(repository, files);
  if (choice.mmproj !== undefined) {
    const message = `--mmproj is for GGUF models: the conversion of ${repository} makes its own projector. Leave it out.`;
    throw new VserveError('invalid_setting', message, { param: 'mmproj' });
  }
  const { hasVision } = await choice.checkConfig(await readObject(config, readText));
  const index = files.find(({ path }) => path === indexPath);
  const shards = index === undefined ? weights : await shardsOf(index, files, readText);
  const others = files.filter(({ path }) => isSideFile(path));
  return {
    files: [...others, ...(index === undefined ? [] : [index]), ...shards],
    weightBytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    gguf: undefined,
    reason: undefined,
    ...(hasVision ? {} : { warning: `${repository} has no vision encoder: it answers about text only, not images.` }),
  };
}

/** Finds named files. Throws `hub_invalid_answer` where the repository has not got one. */
export function findNamed(repository: string, files: readonly RemoteFile[], { paths }: NamedFiles): ChosenFiles {
  const named = paths.map((wanted) => {
    const file = files.find(({ path }) => path === wanted);
    if (file !== undefined) return file;
    throw new VserveError('hub_invalid_answer', `The list of ${repository} has no file ${JSON.stringify(wanted)}.`);
  });
  return { files: named, weightBytes: 0, gguf: undefined, reason: undefined };
}

function isSideFile(path: string): boolean {
  const isTemplate = /^additional_chat_templates\/[^/]+\.jinja$/.test(path);
  return sideFiles.has(path) || isTemplate || /^(licen[cs]e|notice|copying)[^/]*$/i.test(path);
}

async function shardsOf(index: RemoteFile, files: readonly RemoteFile[], readText: ReadText): Promise<RemoteFile[]> {
  const { weight_map: map } = await readObject(index, readText);
  const names: unknown[] = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : [];
  if (names.length === 0) {
    throw new VserveError('checkpoint_invalid', `${indexPath} names no weights. The repository is broken.`);
  }
  return names.map((name) => {
    const shard = files.find(({ path }) => path === name);
    if (shard !== undefined) return shard;
    const message = `${indexPath} names ${JSON.stringify(name)}, which is not there. The repository or its copy is not complete.`;
    throw new VserveError('shard_missing', message);
  });
}

async function readObject(file: RemoteFile, readText: ReadText): Promise<Readonly<Record<string, unknown>>> {
  if (file.bytes > MAX_TEXT_BYTES) {
    throw new VserveError(
      'checkpoint_invalid',
      `${file.path} has ${file.bytes} bytes; at most ${MAX_TEXT_BYTES} are read.`,
    );
  }
  const text = await readText(file);
  try {
    const value = parsePythonJson(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new VserveError('checkpoint_invalid', `${file.path} of the repository is not valid JSON.`, { cause });
  }
  throw new VserveError('checkpoint_invalid', `${file.path} of the repository is not a JSON object.`);
}

function noModel(repository: string, files: readonly RemoteFile[]): VserveError {
  const has = (pattern: RegExp): boolean => files.some(({ path }) => pattern.test(path));
  const found = [
    ...(has(/\.(bin|pth?|ckpt)$/) ? ['PyTorch files, which vserve does not open because they can hold programs'] : []),
    ...(has(/\.safetensors$/) ? ['safetensors files, but not those of a transformers checkpoint'] : []),
    ...(has(/\.onnx$/) ? ['ONNX files'] : []),
  ];
  const held = found.length === 0 ? '' : ` It has ${found.join(', and ')}.`;
  return new VserveError(
    'model_unavailable',
    `${repository} holds no model that vserve can serve: neither a checkpoint (config.json and model*.safetensors) nor GGUF files.${held}`,
    { param: 'model' },
  );
}
