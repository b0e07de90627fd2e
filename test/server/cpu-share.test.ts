import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CpuShare } from '../../src/server/cpu-share.ts';
import { chatBody, openSocket, readUntil, send } from './support/http.ts';
import { serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

const MIB = 1024 * 1024;

const stats = () => ({ sequencesRunning: 0, sequencesQueued: 0 });

function share(): { cpus: CpuShare; left: number[] } {
  const left: number[] = [];
  return { cpus: new CpuShare({ leaveCpus: (count) => left.push(count), stats }), left };
}

describe('CPUs that the server takes from the model', () => {
  it('are counted, and given back once each', async () => {
    const { cpus, left } = share();
    const [first, second] = [cpus.take(), cpus.take()];
    first();
    first();
    await setImmediate();
    expect(left).toEqual([1, 2, 1]);
    second();
    await setImmediate();
    expect(left).toEqual([1, 2, 1, 0]);
  });

  it('stay taken where the next work takes one in the same turn', async () => {
    const { cpus, left } = share();
    cpus.take()();
    await Promise.resolve();
    const giveBack = cpus.take();
    await setImmediate();
    expect(left).toEqual([1]);
    giveBack();
    await setImmediate();
    expect(left).toEqual([1, 0]);
  });

  it('are given back when no work came for a while', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { cpus, left } = share();
    const lease = cpus.lease(100);
    lease.renew();
    vi.advanceTimersByTime(99);
    lease.renew();
    vi.advanceTimersByTime(99);
    await setImmediate();
    expect(left).toEqual([1]);
    vi.advanceTimersByTime(1);
    await setImmediate();
    expect(left).toEqual([1, 0]);
    lease.renew();
    lease.end();
    lease.end();
    await setImmediate();
    expect(left).toEqual([1, 0, 1, 0]);
  });

  it('are no business of a backend that computes elsewhere', async () => {
    expect(() => new CpuShare({ stats }).take()()).not.toThrow();
    await setImmediate();
  });
});

describe('the server takes a CPU from the model', () => {
  it('while a picture is decoded', async () => {
    const server = await serve();
    const picture = await readFile(new URL('../fixtures/images/grey.png', import.meta.url));
    const url = `data:image/png;base64,${picture.toString('base64')}`;
    const content = [{ type: 'image_url' as const, image_url: { url } }];
    await server.client.chat.completions.create({ model: '', messages: [{ role: 'user', content }] });
    expect(server.cpusLeft).toEqual([1, 0]);
  });

  it('while it refuses one', async () => {
    const server = await serve();
    const content = [{ type: 'image_url' as const, image_url: { url: 'data:,nothing' } }];
    const answer = server.client.chat.completions.create({ model: '', messages: [{ role: 'user', content }] });
    await expect(answer).rejects.toThrow('not an image');
    expect(server.cpusLeft).toEqual([1, 0]);
  });

  it.each(['content-length', 'chunks'])('while a large body comes, as %s tells', async (how) => {
    const server = await serve();
    const [first, rest] = [chatBody('a'.repeat(2 * MIB)).slice(0, MIB + 1), `${'a'.repeat(MIB)}"}]}`];
    const chunked = how === 'chunks';
    const part = (text: string): string => (chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text);
    const length = chunked ? 'transfer-encoding: chunked' : `content-length: ${String(first.length + rest.length)}`;
    const socket = await openSocket(server.port);
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n${length}\r\n\r\n`);
    if (chunked) socket.write(part(first));
    await turnUntil(() => server.cpusLeft.length > 0);
    expect(server.cpusLeft[0]).toBe(1);
    socket.write(chunked ? `${part(rest)}0\r\n\r\n` : `${first}${rest}`);
    expect(await readUntil(socket, /^HTTP.*$/m)).toContain(' 200 ');
    await turnUntil(() => server.cpusLeft.at(-1) === 0);
  });

  it('but not for a small one', async () => {
    const server = await serve();
    await send(`${server.url}/v1/chat/completions`, { method: 'POST', body: chatBody('a'.repeat(MIB / 2)) });
    expect(server.cpusLeft).toEqual([]);
  });
});
