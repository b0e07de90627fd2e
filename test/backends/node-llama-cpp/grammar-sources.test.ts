import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { GrammarResult } from '../../../backends/node-llama-cpp/schema/grammar-messages.ts';
import { GrammarSources } from '../../../backends/node-llama-cpp/schema/grammar-sources.ts';
import { GrammarThread } from '../../../backends/node-llama-cpp/schema/grammar-thread.ts';
import type { JsonValue } from '../../../src/backend/index.ts';
import { ofSchema } from '../../engine/schemas/grammar-matcher.ts';
import { Gate } from '../../support/gate.ts';

const { signal } = new AbortController();
const large = { enum: Array.from({ length: 1000 }, (_, i) => `value ${i}`) };
/** Each of its definitions is there twice in the next. */
const doubling: JsonValue = {
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => {
      const next = { $ref: `#/$defs/d${i + 1}`, minProperties: 0 };
      return [`d${i}`, i === 15 ? { type: 'object' } : { properties: { a: next, b: next } }];
    }),
  ),
};

/** A thread that answers when it is told to. */
class SlowThread extends GrammarThread {
  readonly asked: { readonly signal: AbortSignal; readonly answer: (result: GrammarResult) => void }[] = [];

  override compile(_: string, signal: AbortSignal): Promise<GrammarResult> {
    return new Promise((answer, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      this.asked.push({ signal, answer });
    });
  }
}

const source = { schema: '', gbnf: 'root ::= "a"' };

/** Resolves when a thread has been asked so often. */
async function asked({ asked: tasks }: SlowThread, times: number): Promise<void> {
  while (tasks.length < times) await new Promise((resolve) => setImmediate(resolve));
}

describe('the compilation of formats', () => {
  it('is in a thread where it is more than little work, and of little work at once', async () => {
    const thread = new SlowThread();
    const sources = new GrammarSources(thread);
    await sources.compile(ofSchema({ type: 'object', properties: { a: { enum: ['b', 'c'] } } }), signal);
    expect(thread.asked).toHaveLength(0);
    for (const schema of [large, doubling, { type: 'string', pattern: '^(?=a).*b$' }])
      sources.compile(ofSchema(schema), signal).catch(() => undefined);
    expect(thread.asked).toHaveLength(3);
  });

  it('is one for requests with the same format, and stops when the last of them leaves', async () => {
    const thread = new SlowThread();
    const sources = new GrammarSources(thread);
    const [first, second] = [new AbortController(), new AbortController()];
    const answers = [first, second].map(({ signal }) => sources.compile(ofSchema(large), signal));
    first.abort(new Error('left'));
    await expect(answers[0]).rejects.toThrow('left');
    expect(thread.asked.map(({ signal }) => signal.aborted)).toEqual([false]);
    second.abort(new Error('left, too'));
    await expect(answers[1]).rejects.toThrow('left, too');
    expect(thread.asked.map(({ signal }) => signal.aborted)).toEqual([true]);
    const again = sources.compile(ofSchema(large), signal);
    thread.asked[1]?.answer({ sources: [source] });
    expect(await again).toEqual(source);
  });

  it('is done once for a format, wherever in a request it stands', async () => {
    const thread = new SlowThread();
    const sources = new GrammarSources(thread);
    const first = sources.compile(ofSchema(large), signal);
    thread.asked[0]?.answer({ sources: [source] });
    await first;
    expect(await sources.compile({ type: 'json-schema', schema: large, param: 'elsewhere' }, signal)).toEqual(source);
    expect(thread.asked).toHaveLength(1);
  });

  it('tells the place of what it refuses, in a thread as at once', async () => {
    const sources = new GrammarSources();
    onTestFinished(() => sources.close());
    const schema = { type: 'object', properties: { long: large, age: { type: 'int' } } };
    for (const properties of [schema.properties, { age: schema.properties.age }]) {
      await expect(
        sources.compile({ type: 'json-schema', schema: { ...schema, properties }, param: 'tools[0]' }, signal),
      ).rejects.toMatchObject({ code: 'invalid_request', param: 'tools[0].properties.age.type' });
    }
    await expect(sources.compile(ofSchema(doubling), signal)).rejects.toMatchObject({
      code: 'invalid_request',
      param: expect.stringMatching(/^schema\.\$defs\.d0\.properties/) as string,
    });
  });
});

const worker = (onMessage: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; parentPort.on('message', (task) => { ${onMessage} });`)}`,
  );

/** Undefined where the thread has ended meanwhile. */
function priorityOf(thread: number): number | undefined {
  try {
    return getPriority(thread);
  } catch {
    return undefined;
  }
}

describe('warming up', () => {
  it('compiles schemas of every kind of value, as clients’ are', async () => {
    const sources = new GrammarSources();
    onTestFinished(() => sources.close());
    const last = await sources.warmUp();
    expect(last?.gbnf).toContain('leaf0 ::=');
    expect(Object.keys(JSON.parse(last?.schema ?? '') as object)).toContain('$defs');
  });

  it('with large ones waits until nobody else does', async () => {
    const thread = new SlowThread();
    const gates: Gate[] = [];
    const idle = (): Promise<void> => {
      const gate = new Gate();
      gates.push(gate);
      return gate.opened;
    };
    void new GrammarSources(thread).warmUpLarge(idle);
    expect(thread.asked).toHaveLength(0);
    gates[0]?.open();
    await asked(thread, 1);
    thread.asked[0]?.answer({ sources: [source] });
    while (gates.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(thread.asked).toHaveLength(1);
    gates[1]?.open();
    await asked(thread, 2);
  });

  it('is done one by one, so that a client waits for one at most', async () => {
    const thread = new SlowThread();
    const sources = new GrammarSources(thread);
    void sources.warmUp();
    const compiled = sources.compile(ofSchema(large), signal);
    expect(thread.asked).toHaveLength(2);
    thread.asked[0]?.answer({ sources: [source] });
    await asked(thread, 3);
    thread.asked[1]?.answer({ sources: [source] });
    expect(await compiled).toEqual(source);
  });
});

describe('a grammar thread', () => {
  const hangs = worker("if (task === 'hang') for (;;); parentPort.postMessage({ sources: [] });");

  // A priority of a thread's own is Linux'.
  it.runIf(process.platform === 'linux')('leaves the CPUs to the model', async () => {
    const thread = new GrammarThread();
    onTestFinished(() => thread.close());
    await thread.compile('[]', signal);
    const lowered = Math.min(getPriority() + 10, 19);
    expect(readdirSync('/proc/self/task').map((id) => priorityOf(Number(id)))).toContain(lowered);
  });

  it('gives up what takes too long', async () => {
    const thread = new GrammarThread({ url: hangs, mostMs: 20 });
    onTestFinished(() => thread.close());
    expect(await thread.compile('hang', signal)).toMatchObject({
      fault: { message: expect.stringMatching(/time/) as string },
    });
  });

  it('leaves what nobody waits for, and goes on with the next task', async () => {
    const thread = new GrammarThread({ url: hangs });
    onTestFinished(() => thread.close());
    const stop = new AbortController();
    const hanging = thread.compile('hang', stop.signal);
    const never = thread.compile('hang', stop.signal);
    const next = thread.compile('go', signal);
    stop.abort(new Error('left'));
    await expect(hanging).rejects.toThrow('left');
    await expect(never).rejects.toThrow('left');
    expect(await next).toEqual({ sources: [] });
  });

  it('fails alone when it fails', async () => {
    const thread = new GrammarThread({
      url: worker("if (task === 'die') throw new Error('dead'); parentPort.postMessage({ sources: [] });"),
    });
    onTestFinished(() => thread.close());
    await expect(thread.compile('die', signal)).rejects.toMatchObject({ cause: { message: 'dead' } });
    expect(await thread.compile('go', signal)).toEqual({ sources: [] });
  });

  it('ends what runs when it is closed', async () => {
    const thread = new GrammarThread({ url: hangs });
    const tasks = [thread.compile('hang', signal), thread.compile('go', signal)];
    const ended = Promise.allSettled(tasks);
    await thread.close();
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
