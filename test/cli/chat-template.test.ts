import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readChatTemplate } from '../../src/cli/chat-template.ts';
import { temporaryFolder } from './run-vserve.ts';

const TEMPLATE = '{% for message in messages %}{{ message.content }}{% endfor %}';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

const read = (given: string | undefined) => readChatTemplate(given, '--chat-template');

test('a chat template is a text, a file, or in a file of JSON', async () => {
  const [jinja, json] = [join(folder, 'a.jinja'), join(folder, 'tokenizer_config.json')];
  await writeFile(jinja, TEMPLATE);
  await writeFile(json, JSON.stringify({ chat_template: TEMPLATE }));
  for (const given of [TEMPLATE, jinja, json]) expect(await read(given)).toBe(TEMPLATE);
  expect(await read(undefined)).toBeUndefined();
});

test.each([
  [
    'missing.jinja',
    /^--chat-template names ".*missing\.jinja", which does not exist\. Give the path of a Jinja template/,
  ],
  ['folder', /which cannot be read \(EISDIR/],
  ['empty.jinja', /which has no template/],
  ['other.json', /which has no template/],
])('%s is a mistake', async (name, message) => {
  await mkdir(join(folder, 'folder'));
  await writeFile(join(folder, 'empty.jinja'), ' \n');
  await writeFile(join(folder, 'other.json'), '{"chat_template": 1}');
  await expect(read(join(folder, name))).rejects.toMatchObject({
    code: 'invalid_setting',
    param: 'chatTemplate',
    message: expect.stringMatching(message) as unknown,
  });
});
