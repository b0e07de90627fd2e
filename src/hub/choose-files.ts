import { VserveError } from '../errors/index.ts';
import { isAdapter } from '../formats/foreign-checkpoint.ts';
import type { Choice, ChosenFiles, NamedFiles, RepositoryReader } from './choice.ts';
import { chooseGgufFiles } from './choose-gguf.ts';
import { checkConfig, refuseAdapter } from './foreign-repository.ts';
import { noModel } from './no-model.ts';
import { readObject } from './read-object.ts';
import type { RemoteFile } from './remote-file.ts';

const indexPath = 'model.safetensors.index.json';

/** What PEFT saves. */
const adapterFiles = ['adapter_config.json', 'adapter_model.safetensors'];

/** Files of transformers' tokenizers, processors and configurations, beside the weights. */
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
 * Chooses the files that vserve needs: from a checkpoint the safetensors shards named by its index, the tokenizer, the
 * configurations, the chat templates and the license; from a repository of GGUF files one model and its projector.
 * Throws `model_unavailable` if there is no such model, `shard_missing`, `checkpoint_invalid`,
 * `invalid_setting`, and what `checkConfig` and the reader throw.
 */
export async function chooseFiles(
  repository: string,
  files: readonly RemoteFile[],
  choice: Choice,
  reader: RepositoryReader,
): Promise<ChosenFiles> {
  const weights = files.filter(({ path }) => /^model[^/]*\.safetensors$/.test(path));
  const hasGguf = files.some(({ path }) => /\.gguf$/i.test(path));
  if (choice.weightPath !== undefined || (hasGguf && (weights.length === 0 || choice.isGgufOnly))) {
    return chooseGgufFiles(repository, files, choice, reader);
  }
  if (choice.takesAdapter === true && isWholeAdapter(files)) {
    const own = files.filter(({ path }) => isSideFile(path) || adapterFiles.includes(path));
    return { files: own, weightBytes: 0, gguf: undefined, reason: undefined };
  }
  await refuseAdapter(repository, files, reader);
  const config = files.find(({ path }) => path === 'config.json');
  if (weights.length === 0 || config === undefined) throw noModel(repository, files);
  if (choice.mmproj !== undefined) {
    const message = `--mmproj is for GGUF models: converting ${repository} produces its own projector. Remove the option.`;
    throw new VserveError('invalid_setting', message, { param: 'mmproj' });
  }
  const { hasVision } = await checkConfig(repository, files, config, choice, reader);
  const index = files.find(({ path }) => path === indexPath);
  const shards = index === undefined ? weights : await shardsOf(index, files, reader);
  const others = files.filter(({ path }) => isSideFile(path));
  return {
    files: [...others, ...(index === undefined ? [] : [index]), ...shards],
    weightBytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    gguf: undefined,
    reason: undefined,
    ...(hasVision ? {} : { warning: `${repository} has no vision encoder: it accepts text only, no images.` }),
  };
}

/** Finds files by path. Throws `hub_invalid_answer` if the repository lacks one. */
export function findNamed(repository: string, files: readonly RemoteFile[], { paths }: NamedFiles): ChosenFiles {
  const named = paths.map((wanted) => {
    const file = files.find(({ path }) => path === wanted);
    if (file !== undefined) return file;
    throw new VserveError('hub_invalid_answer', `The list of ${repository} has no file ${JSON.stringify(wanted)}.`);
  });
  return { files: named, weightBytes: 0, gguf: undefined, reason: undefined };
}

function isWholeAdapter(files: readonly RemoteFile[]): boolean {
  const paths = files.map(({ path }) => path);
  return isAdapter(paths) && adapterFiles.every((name) => paths.includes(name));
}

function isSideFile(path: string): boolean {
  const isTemplate = /^additional_chat_templates\/[^/]+\.jinja$/.test(path);
  return sideFiles.has(path) || isTemplate || /^(licen[cs]e|notice|copying)[^/]*$/i.test(path);
}

async function shardsOf(
  index: RemoteFile,
  files: readonly RemoteFile[],
  reader: RepositoryReader,
): Promise<RemoteFile[]> {
  const { weight_map: map } = await readObject(index, reader);
  const names: unknown[] = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : [];
  if (names.length === 0) {
    throw new VserveError('checkpoint_invalid', `${indexPath} names no weights. The repository is incomplete.`);
  }
  return names.map((name) => {
    const shard = files.find(({ path }) => path === name);
    if (shard !== undefined) return shard;
    const message = `${indexPath} names ${JSON.stringify(name)}, which is missing. The repository or its copy is incomplete.`;
    throw new VserveError('shard_missing', message);
  });
}
