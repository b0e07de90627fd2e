import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage, GenerateRequest } from '../../../src/backend/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { loadShapes, userTurn } from '../../support/shapes-engine.ts';
import { growth } from '../../support/growth.ts';

/** Takes the template engine a good part of a second. Far too long for the model, which is known only then. */
const longConversation = Array.from({ length: 8001 }, (_, i): ChatMessage => ({
  role: i % 2 === 0 ? 'user' : 'assistant',
  content: [{ type: 'text', text: 'a' }],
}));
const long: GenerateRequest = { ...userTurn([]), messages: longConversation };
const short = userTurn(['Hello'], { maxTokens: 1 });

/** The CPU time in ms that the process took for something. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The CPU time in ms that it takes to close a model with eight long prompts. */
async function closing(): Promise<number> {
  const other = await loadShapes({ threads: 1 });
  const before = process.cpuUsage();
  const answers = Array.from({ length: 8 }, () => {
    const events = other.generate(long, new AbortController().signal)[Symbol.asyncIterator]();
    return expect(events.next()).rejects.toMatchObject({ code: 'model_closed' });
  });
  await Promise.all([other.close(), ...answers]);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe('prompts that take long to build', () => {
  let model: LoadedLlama;
  beforeAll(async () => {
    const loaded = await loadShapes({ threads: 1 });
    if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
    model = loaded;
  });
  afterAll(() => model.close());

  async function generate(request: GenerateRequest, signal = new AbortController().signal): Promise<void> {
    for await (const event of model.generate(request, signal)) void event;
  }

  it('hold up neither short ones nor the rest of the process', async () => {
    const ended: string[] = [];
    const end = (what: string) => (): void => void ended.push(what);
    const tooLong = Array.from({ length: 8 }, () =>
      expect(generate(long)).rejects.toMatchObject({ code: 'context_length_exceeded' }).then(end('long')),
    );
    // Of libuv's pool, which has four threads.
    const others = Array.from({ length: 8 }, () => readFile(import.meta.filename).then(end('file')));
    await Promise.all([...tooLong, ...others, generate(short).then(end('short'))]);
    expect(ended.indexOf('short')).toBeLessThan(ended.lastIndexOf('long'));
    expect(ended.lastIndexOf('file')).toBeLessThan(ended.indexOf('long'));
    // All but those that were begun before it.
    expect(ended.filter((what, i) => what === 'long' && i < ended.indexOf('short')).length).toBeLessThanOrEqual(2);
  });

  const wholeCost = () =>
    cpuOf(() => expect(generate(long)).rejects.toMatchObject({ code: 'context_length_exceeded' }));

  it('are given up in the middle when their client leaves', async () => {
    const leaving = new Error('the client left');
    const leave = async () => {
      const clients = Array.from({ length: 8 }, () => {
        const controller = new AbortController();
        const answer = generate(long, controller.signal);
        controller.abort(leaving);
        return expect(answer).rejects.toBe(leaving);
      });
      await Promise.all(clients);
      await generate(short);
    };
    // What JavaScript does to hand over a conversation is not saved.
    expect(await growth(wholeCost, () => cpuOf(leave), 8 * 0.75)).toBeLessThan(8 * 0.75);
  });

  it('are given up when the model is closed', async () => {
    expect(await growth(wholeCost, closing, 8 * 0.75)).toBeLessThan(8 * 0.75);
  });
});
