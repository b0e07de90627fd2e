import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oddConversations } from '../../engine/conversations.ts';
import { joined, loadFaithful } from '../../engine/faithful-model.ts';
import type { FaithfulModel } from '../../engine/faithful-model.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { trainedName } from '../../engine/trained-checkpoint.ts';
import { asTransformers5 } from '../../reference/as-transformers-5.ts';
import { fixture } from '../../reference/checkpoints.ts';
import type { ChatMessage } from '../../../src/backend/index.ts';

interface Case {
  readonly messages: readonly {
    readonly role: 'user' | 'assistant' | 'system';
    readonly content: string | readonly { readonly type: string; readonly text?: string }[];
  }[];
}

/** The texts of the questions that the trained model was asked. */
const questions = (JSON.parse(readFileSync(fixture('shapes-vlm-reference/cases.json'), 'utf8')) as readonly Case[]).map(
  ({ messages }) =>
    messages
      .flatMap(({ content }) => (typeof content === 'string' ? content : content.map(({ text = '' }) => text)))
      .join(' '),
);

/** Bytes without tokens, runs of white space and of one letter, and words cut in many places. */
const texts = [
  ...questions,
  'a\tb\t\tc \u{1f999} \u00e9\u0301 \u7b11 \u0000x',
  ' leading',
  'two  spaces   three    four',
  'lines\n\nand\n\n\n\nmore\r\n',
  'a'.repeat(37) + '='.repeat(23) + '-'.repeat(5),
  'unbelievably interconnected yellowish triangles, circlesquare',
];

const asked = (text: string): ChatMessage[] => [{ role: 'user', content: [{ type: 'text', text }] }];

const idsOf = async ({ model }: FaithfulModel, messages: readonly ChatMessage[]) =>
  joined(await model.inspectPrompt(messages));

describe.each([trainedName, 'paddleocr-vl-tiny', 'llava-tiny', 'gemma3n-tiny'])(
  '%s without tokenizer.model, as transformers 5 saves it',
  (name) => {
    let own: FaithfulModel;
    let saved: FaithfulModel;
    beforeAll(async () => {
      own = await loadFaithful(name);
      saved = await loadFaithful(name, undefined, asTransformers5(faithfulCheckpoint(name)));
    });
    afterAll(async () => {
      await own.dispose();
      await saved.dispose();
    });

    test('makes the same tokens of texts', async () => {
      for (const text of texts) expect(await idsOf(saved, asked(text)), text).toEqual(await idsOf(own, asked(text)));
    });

    test('and of conversations about pictures', async () => {
      for (const messages of oddConversations) expect(await idsOf(saved, messages)).toEqual(await idsOf(own, messages));
    });
  },
);
