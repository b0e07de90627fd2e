import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { CheckpointFolder } from '../../../src/convert/checkpoint/checkpoint-folder.ts';
import { KeyValues } from '../../../src/convert/gguf/key-values.ts';
import { writeSpecialTokens } from '../../../src/convert/tokenizers/special-tokens.ts';
import { temporaryFolder } from '../support/checkpoints.ts';

type Files = Readonly<Record<string, string | object>>;

/** The keys of chat templates that a folder with these files gives, without what they begin with. */
async function templatesOf(files: Files): Promise<Record<string, unknown>> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries({ 'config.json': {}, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  const keyValues = new KeyValues();
  await writeSpecialTokens(new CheckpointFolder(folder), keyValues);
  return Object.fromEntries(
    Array.from(keyValues, ([key, { value }]) => [key.replace('tokenizer.chat_', ''), value]).filter(([key]) =>
      String(key).startsWith('template'),
    ),
  );
}

const inConfig = { 'tokenizer_config.json': { chat_template: 'config' } };
const jinja = { 'chat_template.jinja': 'jinja\r\n' };
const json = { 'chat_template.json': { chat_template: 'json' } };
const processor = { 'processor_config.json': { chat_template: 'processor' } };
const further = { 'additional_chat_templates/tools.jinja': 'further' };

test.each<[string, Files, Record<string, unknown>]>([
  ['nowhere', {}, {}],
  ['tokenizer_config.json, before all others', { ...inConfig, ...jinja, ...json, ...further }, { template: 'config' }],
  [
    'tokenizer_config.json, which may say that there is none',
    { ...jinja, 'tokenizer_config.json': { chat_template: null } },
    {},
  ],
  [
    'a list in tokenizer_config.json',
    {
      'tokenizer_config.json': {
        chat_template: [
          { name: 'default', template: 'first' },
          { name: 'tool use', template: 'second' },
        ],
      },
    },
    { template: 'first', 'template.tool_use': 'second', templates: ['tool_use'] },
  ],
  ['chat_template.jinja', { 'tokenizer_config.json': {}, ...jinja, ...json, ...processor }, { template: 'jinja\n' }],
  ['chat_template.jinja without a tokenizer_config.json', jinja, { template: 'jinja\n' }],
  [
    'chat_template.jinja and the folder beside it',
    { ...jinja, ...further },
    { template: 'jinja\n', 'template.tools': 'further', templates: ['tools'] },
  ],
  ['chat_template.json', { 'tokenizer_config.json': {}, ...json, ...processor }, { template: 'json' }],
  [
    'a list in chat_template.json',
    { 'chat_template.json': { chat_template: [{ name: 'default', template: 'listed' }] } },
    { template: 'listed' },
  ],
  ['processor_config.json', processor, { template: 'processor' }],
])('a chat template is found: %s', async (_, files, expected) => {
  expect(await templatesOf(files)).toEqual(expected);
});
