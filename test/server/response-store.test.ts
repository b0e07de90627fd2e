import { describe, expect, it } from 'vitest';
import type { ResponseJson } from '../../src/api/responses/index.ts';
import { LongText } from '../../src/api/index.ts';
import { jsonBytes } from '../../src/server/json-bytes.ts';
import { ClientArchive } from '../../src/server/responses/client-archive.ts';
import { ResponseStore } from '../../src/server/responses/response-store.ts';

const large = 100_000;

/** A store, and what keeps a response in it that has this input and continues another. */
function storeOf(limits: { maxResponses?: number; maxBytes?: number }) {
  const store = new ResponseStore({ maxResponses: 100, maxBytes: 100 * large, ...limits });
  const keep = (id: string, { after, bytes = 10 }: { after?: string; bytes?: number } = {}): void => {
    const archive = new ClientArchive(store, 'me');
    if (after !== undefined) archive.conversation(after);
    const text = new LongText([new Uint8Array(bytes)]);
    const response = { id, output: [{ type: 'message', id: `of ${id}` }] } as unknown as ResponseJson;
    archive.keep({ response, input: [{ type: 'message', text }] });
  };
  const has = (...ids: readonly string[]) => ids.map((id) => store.find(id, 'me') !== undefined);
  return { store, keep, has };
}

describe('the store of responses', () => {
  it('drops the least recently used one for a new one', () => {
    const { store, keep, has } = storeOf({ maxResponses: 2 });
    keep('a');
    keep('b');
    expect(has('a')).toEqual([true]);
    keep('c');
    expect(has('a', 'b', 'c')).toEqual([true, false, true]);
    expect(store.count).toBe(2);
  });

  it('drops as many as the memory asks for', () => {
    const { store, keep, has } = storeOf({ maxBytes: 2.5 * large });
    keep('a', { bytes: large });
    keep('b', { bytes: large });
    keep('c', { bytes: large });
    expect(has('a', 'b', 'c')).toEqual([false, true, true]);
    expect(store.usedBytes).toBeLessThan(2.5 * large);
  });

  it('keeps the response of a client while another has more', () => {
    const { store, keep } = storeOf({ maxResponses: 3 });
    const response = { id: 'other', output: [] } as unknown as ResponseJson;
    new ClientArchive(store, 'another').keep({ response, input: [] });
    for (let index = 0; index < 10; index += 1) keep(String(index));
    expect(store.find('other', 'another')).toBeDefined();
    expect(['7', '8', '9'].map((id) => store.find(id, 'me') !== undefined)).toEqual([false, true, true]);
  });

  it('counts a conversation once, and as long as a response follows it', () => {
    const { store, keep } = storeOf({});
    keep('a', { bytes: large });
    keep('b', { after: 'a' });
    keep('c', { after: 'a' });
    expect(store.usedBytes).toBeLessThan(1.5 * large);
    store.remove('a');
    store.remove('b');
    expect(store.usedBytes).toBeGreaterThan(large);
    expect(new ClientArchive(store, 'me').conversation('c').map(({ id }) => id)).toEqual([
      undefined,
      'of a',
      undefined,
      'of c',
    ]);
    store.remove('c');
    expect([store.usedBytes, store.count]).toEqual([0, 0]);
  });

  it('keeps a conversation whose beginning was dropped while it went on', () => {
    const { store, keep } = storeOf({});
    keep('a', { bytes: large });
    const archive = new ClientArchive(store, 'me');
    archive.conversation('a');
    store.remove('a');
    expect(store.usedBytes).toBe(0);
    archive.keep({ response: { id: 'b', output: [] } as unknown as ResponseJson, input: [] });
    expect(new ClientArchive(store, 'me').conversation('b')).toHaveLength(2);
    expect(store.usedBytes).toBeGreaterThan(large);
  });

  it('does not take what is larger than all of it, and drops nothing for it', () => {
    const { store, keep, has } = storeOf({ maxBytes: large });
    keep('a');
    keep('b', { bytes: large });
    keep('c', { bytes: 0.6 * large });
    keep('d', { after: 'c', bytes: 0.6 * large });
    expect(has('a', 'b', 'c', 'd')).toEqual([true, false, true, false]);
    expect(new ClientArchive(store, 'me').hasRoomFor([{ text: 'x'.repeat(large) }])).toBe(false);
  });

  it('keeps nothing where it is to keep nothing', () => {
    const { store, keep } = storeOf({ maxResponses: 0 });
    keep('a');
    expect([store.count, store.usedBytes, new ClientArchive(store, 'me').hasRoomFor([])]).toEqual([0, 0, false]);
  });
});

it('long texts count by their bytes', () => {
  expect(jsonBytes({ a: [new LongText([new Uint8Array(1000)])] }) - jsonBytes({ a: [] })).toBeGreaterThan(1000);
});
