import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { CHAT_FIELDS } from '../../../src/api/chat/fields.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { hello } from './support.ts';

const names = [...CHAT_FIELDS.keys(), 'messages'];
const field = fc.oneof(fc.constantFrom(...names), fc.string());

const role = fc.oneof(fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool'), fc.jsonValue());
const type = fc.oneof(fc.constantFrom('text', 'image_url'), fc.jsonValue());
const part = fc.record(
  { type, text: fc.jsonValue(), image_url: fc.oneof(fc.record({ url: fc.jsonValue() }), fc.jsonValue()) },
  { requiredKeys: [] },
);
const content = fc.oneof(fc.array(fc.oneof(part, fc.jsonValue())), fc.jsonValue());
const message = fc.record({ role, content, tool_calls: fc.jsonValue() }, { requiredKeys: [] });
const messages = fc.array(fc.oneof(message, fc.jsonValue()));

/** A request, or a refusal that says what is wrong; never anything else. */
function readsOrRefuses(body: unknown): void {
  for (const allowExtraFields of [false, true]) {
    try {
      parseChatRequest(body, { allowExtraFields });
    } catch (error) {
      if (!(error instanceof VserveError)) throw error;
    }
  }
}

describe('any JSON', () => {
  it('as the body', () => {
    fc.assert(fc.property(fc.jsonValue(), readsOrRefuses));
  });

  it('as a field', () => {
    fc.assert(
      fc.property(field, fc.jsonValue(), (name, value) => readsOrRefuses({ messages: hello, [name]: value })),
      { numRuns: 2000 },
    );
  });

  it('as fields together', () => {
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), (fields) => readsOrRefuses({ messages: hello, ...fields })),
    );
  });

  it('as messages', () => {
    fc.assert(
      fc.property(messages, (messages) => readsOrRefuses({ messages })),
      { numRuns: 1000 },
    );
  });

  it('nested a million deep, as a field', () => {
    const deep: unknown = JSON.parse('['.repeat(1e6) + ']'.repeat(1e6));
    for (const name of names) {
      readsOrRefuses({ messages: hello, [name]: deep });
      readsOrRefuses({ messages: hello, [name]: { type: deep } });
    }
  });

  it('nested a million deep, as content', () => {
    const deep: unknown = JSON.parse('{"":'.repeat(1e6) + '1' + '}'.repeat(1e6));
    readsOrRefuses(deep);
    for (const key of ['role', 'content', 'tool_calls']) readsOrRefuses({ messages: [{ ...hello[0], [key]: deep }] });
    readsOrRefuses({ messages: [{ role: 'user', content: [deep] }] });
    readsOrRefuses({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: deep }] }] });
  });
});
