import { z } from 'zod';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { additionalTemplatesFolder } from '../checkpoint/checkpoint-files.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { templateFault } from './template-fault.ts';

const jinjaFile = 'chat_template.jinja';

const namedTemplate = z.looseObject({ name: z.string().default(''), template: z.string().optional() });
const templateSchema = z.looseObject({ chat_template: z.union([z.string(), z.array(namedTemplate)]).nullish() });

/** One template, or several by their names. */
type Templates = string | readonly NamedTemplate[];

interface NamedTemplate {
  readonly name: string;
  readonly template?: string | undefined;
  /** Where it stands, if not with the others. */
  readonly file?: string;
}

export interface FoundTemplates {
  readonly file: string;
  readonly templates: Templates;
}

/** Where else than in files of its own a checkpoint may keep its chat template. */
const configs = ['chat_template.json', 'processor_config.json', 'tokenizer_config.json'];

/**
 * Finds a checkpoint's chat template: chat_template.jinja with the further ones beside it, else that of chat_template.json,
 * else of processor_config.json, else of tokenizer_config.json. So transformers has it, whose processors and tokenizers
 * take the files of their own before what their configurations say; gguf-py's `SpecialVocab` takes that of
 * tokenizer_config.json first, which differs only where a checkpoint has two.
 *
 * Throws `checkpoint_invalid`.
 */
export async function findChatTemplates(folder: CheckpointFolder): Promise<FoundTemplates | undefined> {
  if (await folder.has(jinjaFile)) return { file: jinjaFile, templates: await readTemplateFiles(folder) };
  for (const file of configs) {
    const { chat_template: templates } = parseConfig(templateSchema, (await folder.optionalJson(file)) ?? {}, file);
    if (templates !== null && templates !== undefined) return { file, templates };
  }
  return undefined;
}

/** Writes a chat template, or several: the one named `default` is the chat template, each other one has a key of its own. */
export function setChatTemplate(keyValues: KeyValues, found: Templates | undefined): void {
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
 * What is wrong with a checkpoint's chat templates, a sentence for each that cannot be read.
 * Throws `checkpoint_invalid`.
 */
export async function chatTemplateWarnings(folder: CheckpointFolder): Promise<string[]> {
  const found = await findChatTemplates(folder);
  if (found === undefined) return [];
  const { file, templates } = found;
  const all = typeof templates === 'string' ? [{ name: '', template: templates }] : templates;
  return all.flatMap((named) => {
    const fault = templateFault(named.template ?? '');
    if (fault === undefined) return [];
    const where = 'file' in named && named.file !== undefined ? named.file : file;
    const which = named.name === '' || where.endsWith('.jinja') ? '' : ` named ${named.name}`;
    return [`The chat template${which} in ${where} cannot be read: ${fault}. The model may not load with it.`];
  });
}

async function readTemplateFiles(folder: CheckpointFolder): Promise<Templates> {
  const template = await readTemplate(folder, jinjaFile);
  const files = (await folder.list(additionalTemplatesFolder)).filter((name) => name.endsWith('.jinja'));
  if (files.length === 0) return template;
  const further = files.map(async (name) => {
    const file = `${additionalTemplatesFolder}/${name}`;
    return { name: name.slice(0, -'.jinja'.length), template: await readTemplate(folder, file), file };
  });
  return [{ name: 'default', template }, ...(await Promise.all(further))];
}

/** The text with every line break as a line feed, as Python reads text files. */
async function readTemplate(folder: CheckpointFolder, file: string): Promise<string> {
  return (await folder.text(file)).replace(/\r\n?/g, '\n');
}
