import { mergedAdapterFiles } from '../adapters/merge-adapter.ts';
import { CheckpointFolder } from './checkpoint-folder.ts';
import { findShards } from './shards.ts';
import { indexFile } from '../safetensors/weight-map.ts';

/** Where transformers keeps chat templates beside the default one, each `<name>.jinja`. */
export const additionalTemplatesFolder = 'additional_chat_templates';

const smallFiles = [
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'config.json',
  'generation_config.json',
  indexFile,
  'preprocessor_config.json',
  'processor_config.json',
  'tekken.json',
  'tiktoken.model',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
];

/**
 * The files of `sourceDir` that a conversion reads, as paths within it, sorted. Two folders in which these files are
 * the same convert to the same result (but for the name of the folder, which becomes the model's).
 *
 * Throws `checkpoint_invalid`, `shard_missing`.
 */
export async function checkpointFiles(sourceDir: string): Promise<string[]> {
  const folder = new CheckpointFolder(sourceDir);
  const present = await folder.list();
  const { files: shards } = await findShards(folder);
  const templates = (await folder.list(additionalTemplatesFolder)).filter((name) => name.endsWith('.jinja'));
  return [
    ...smallFiles.filter((name) => present.includes(name)),
    ...shards,
    ...templates.map((name) => `${additionalTemplatesFolder}/${name}`),
    ...(await mergedAdapterFiles(folder)),
  ].sort();
}
