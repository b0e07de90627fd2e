import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CpuShare } from '../../src/server/cpu-share.ts';
import { chatBody, openSocket, readUntil, send } from './support/http.ts';
import { serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

const MIB = 1024 * 1024;

function share(): { cpus: CpuShare; left: number[] } {
  const left: number[] = [];
  return { cpus: new CpuShare({ leaveCpus: (count) => left.push(count) }), left };
}

describe('CPUs that the server takes from the model', () => {
  it('are counted, and given back once each', () => {
    const { cpus, left } = share();
    const [first, second] = [cpus.take(), cpus.take()];
    first();
    first();
    second();
    expect(left).toEqual([1, 2, 1, 0]);
  });

  it('are given back when no work came for a while', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { cpus, left } = share();
    const lease = cpus.lease(100);
    lease.renew();
    vi.advanceTimersByTime(99);
    lease.renew();
    vi.advanceTimersByTime(99);
    expect(left).toEqual([1]);
    vi.advanceTimersByTime(1);
    expect(left).toEqual([1, 0]);
    lease.renew();
    lease.end();
    lease.end();
    expect(left).toEqual([1, 0, 1, 0]);
  });

  it('are no business of a backend that computes elsewhere', () => {
    expect(() => new CpuShare({}).take()()).not.toThrow();
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

  it('while a large body comes', async () => {
    const server = await serve();
    const body = chatBody('a'.repeat(2 * MIB));
    const socket = await openSocket(server.port);
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${String(body.length)}\r\n\r\n`);
    socket.write(body.slice(0, MIB));
    await turnUntil(() => server.cpusLeft.length > 0);
    expect(server.cpusLeft[0]).toBe(1);
    socket.write(body.slice(MIB));
    await readUntil(socket, /HTTP\/1.1 200/);
    expect(server.cpusLeft.at(-1)).toBe(0);
  });

  it('but not for a small one', async () => {
    const server = await serve();
    await send(`${server.url}/v1/chat/completions`, { method: 'POST', body: chatBody('a'.repeat(MIB / 2)) });
    expect(server.cpusLeft).toEqual([]);
  });
});
