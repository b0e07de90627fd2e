import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { CheckpointFolder } from '../../../src/convert/checkpoint/checkpoint-folder.ts';
import { KeyValues } from '../../../src/convert/gguf/key-values.ts';
import { chatTemplateWarnings } from '../../../src/convert/tokenizers/chat-template.ts';
import { writeSpecialTokens } from '../../../src/convert/tokenizers/special-tokens.ts';
import { temporaryFolder } from '../support/checkpoints.ts';

type Files = Readonly<Record<string, string | object>>;

async function folderOf(files: Files): Promise<CheckpointFolder> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries({ 'config.json': {}, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return new CheckpointFolder(folder);
}

/** The keys of chat templates that a folder with these files gives, without what they begin with. */
async function templatesOf(files: Files): Promise<Record<string, unknown>> {
  const keyValues = new KeyValues();
  await writeSpecialTokens(await folderOf(files), keyValues);
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
  [
    'chat_template.jinja with the folder beside it, before all others',
    { ...inConfig, ...jinja, ...json, ...processor, ...further },
    { template: 'jinja\n', 'template.tools': 'further', templates: ['tools'] },
  ],
  ['chat_template.jinja', { ...inConfig, ...jinja, ...json, ...processor }, { template: 'jinja\n' }],
  ['chat_template.jinja without a tokenizer_config.json', jinja, { template: 'jinja\n' }],
  [
    'chat_template.jinja where tokenizer_config.json says that there is none',
    { ...jinja, 'tokenizer_config.json': { chat_template: null } },
    { template: 'jinja\n' },
  ],
  ['chat_template.json', { ...inConfig, ...json, ...processor }, { template: 'json' }],
  [
    'a list in chat_template.json',
    { 'chat_template.json': { chat_template: [{ name: 'default', template: 'listed' }] } },
    { template: 'listed' },
  ],
  ['processor_config.json', { ...inConfig, ...processor }, { template: 'processor' }],
  ['tokenizer_config.json', { ...inConfig, 'processor_config.json': {}, ...further }, { template: 'config' }],
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
])('a chat template is found: %s', async (_, files, expected) => {
  expect(await templatesOf(files)).toEqual(expected);
});

const loop = '{%- for message in messages %}\n{{ message.content }}\n';

test.each<[string, Files, RegExp[]]>([
  ['none', { 'chat_template.jinja': `${loop}{% endfor %}{% generation %}…{% endgeneration %}` }, []],
  ['no template', {}, []],
  [
    'a statement that there is not',
    { 'chat_template.jinja': `${loop}{% endfox %}\n{{ "x" }}\n` },
    [/^The chat template in chat_template\.jinja cannot be read: line 3: .*endfox/],
  ],
  ['no end', { 'chat_template.json': { chat_template: loop } }, [/ in chat_template\.json .*ends in the middle/]],
  [
    'half a tag',
    { ...jinja, 'additional_chat_templates/a.jinja': '{{ x' },
    [/ in additional_chat_templates\/a\.jinja /],
  ],
  [
    'one of several',
    {
      'tokenizer_config.json': {
        chat_template: [
          { name: 'default', template: 'x' },
          { name: 'b', template: '{{ }}' },
        ],
      },
    },
    [/^The chat template named b in tokenizer_config\.json cannot be read: line 1: /],
  ],
])('what is wrong with a chat template is told: %s', async (_, files, expected) => {
  const warnings = await chatTemplateWarnings(await folderOf(files));
  expect(warnings).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as unknown));
});
