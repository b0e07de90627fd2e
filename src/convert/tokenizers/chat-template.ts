import { z } from 'zod';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { additionalTemplatesFolder } from '../checkpoint/checkpoint-files.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';

const templates = z.union([
  z.string(),
  z.array(z.looseObject({ name: z.string().default(''), template: z.string().optional() })),
]);
const templateSchema = z.looseObject({ chat_template: templates.nullish() });

type Templates = z.output<typeof templates>;

/**
 * Writes the chat template: that of tokenizer_config.json, else chat_template.jinja with the further ones beside it,
 * else chat_template.json, as gguf-py's `SpecialVocab` looks for it; else that of processor_config.json, where early
 * vision models have it. Of several, the one named `default` is the chat template and each other one has a key of its own.
 *
 * @throws VserveError `checkpoint_invalid`
 */
export async function writeChatTemplate(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  tokenizerConfig: JsonObject,
): Promise<void> {
  const inConfig = parseConfig(templateSchema, tokenizerConfig, 'tokenizer_config.json').chat_template;
  setChatTemplate(keyValues, 'chat_template' in tokenizerConfig ? inConfig : await readTemplateFiles(folder));
}

/** Writes a chat template, or several by their names. */
export function setChatTemplate(keyValues: KeyValues, found: Templates | null | undefined): void {
  if (typeof found === 'string') keyValues.set('tokenizer.chat_template', string(found));
  if (typeof found === 'string' || !found) return;
  const named = found.map(({ name, template = '' }) => ({ name: name.replace(/[^A-Za-z0-9]/g, '_'), template }));
  const others = named.filter(({ name, template }) => name !== '' && name !== 'default' && template !== '');
  for (const { name, template } of others) keyValues.set(`tokenizer.chat_template.${name}`, string(template));
  keyValues.set('tokenizer.chat_templates', stringArray([...new Set(others.map(({ name }) => name))]));
  const chosen = named.findLast(({ name }) => name === 'default');
  if (chosen !== undefined) keyValues.set('tokenizer.chat_template', string(chosen.template));
}

/**
 * The chat templates in files of their own; undefined where there are none.
 * @throws VserveError `checkpoint_invalid`
 */
export async function readTemplateFiles(folder: CheckpointFolder): Promise<Templates | null | undefined> {
  if (!(await folder.has('chat_template.jinja'))) {
    const file = (await folder.has('chat_template.json')) ? 'chat_template.json' : 'processor_config.json';
    return parseConfig(templateSchema, (await folder.optionalJson(file)) ?? {}, file).chat_template;
  }
  const template = await readTemplate(folder, 'chat_template.jinja');
  const files = (await folder.list(additionalTemplatesFolder)).filter((name) => name.endsWith('.jinja'));
  if (files.length === 0) return template;
  const further = files.map(async (file) => ({
    name: file.slice(0, -'.jinja'.length),
    template: await readTemplate(folder, `${additionalTemplatesFolder}/${file}`),
  }));
  return [{ name: 'default', template }, ...(await Promise.all(further))];
}

/** The text with every line break as a line feed, as Python reads text files. */
async function readTemplate(folder: CheckpointFolder, file: string): Promise<string> {
  return (await folder.text(file)).replace(/\r\n?/g, '\n');
}
