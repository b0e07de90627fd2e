import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ParsedRequest } from '../../src/api/index.ts';
import type { LoadedModel } from '../../src/backend/index.ts';
import { Admission } from '../../src/server/admission.ts';
import { limitConnections } from '../../src/server/connection-limit.ts';
import { generate } from '../../src/server/generate.ts';
import { openSocket } from './support/http.ts';
import { Metrics } from '../../src/server/metrics/metrics.ts';

async function listening(): Promise<{ server: Server; log: string[]; port: number }> {
  const server = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const log: string[] = [];
  await limitConnections([server], (level, message) => log.push(`${level} ${message}`));
  return { server, log, port: (server.address() as AddressInfo).port };
}

describe('a server with few open files', () => {
  it.runIf(process.platform === 'linux')('keeps some of them for images', async () => {
    const { server } = await listening();
    expect(server.maxConnections).toBeGreaterThan(0);
    expect(server.maxConnections).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  it.runIf(process.platform === 'linux')('closes connections that are too many, and says so once', async () => {
    const { server, log, port } = await listening();
    server.maxConnections = 1;
    const first = await openSocket(port);
    for (let i = 0; i < 3; i += 1) await once((await openSocket(port)).resume(), 'close');
    expect(log).toEqual([expect.stringMatching(/^warning Connections are being refused/)]);
    first.destroy();
  });

  it.runIf(process.platform === 'linux')('shares them between its addresses', async () => {
    const acceptors = await Promise.all([1, 2].map(() => listening()));
    const [one, other] = acceptors.map(({ server }) => server);
    if (one === undefined || other === undefined) throw new Error('No servers.');
    await limitConnections([one, other], () => undefined);
    const most = other.maxConnections;
    const accepted = once(one, 'connection');
    const socket = await openSocket(acceptors[0]?.port ?? 0);
    const [end] = (await accepted) as [Socket];
    expect([one.maxConnections, other.maxConnections]).toEqual([most, most - 1]);
    socket.destroy();
    await once(end.resume(), 'close');
    expect(other.maxConnections).toBe(most);
  });

  it('goes on when it cannot accept one', async () => {
    const { server, log } = await listening();
    server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    expect(log).toEqual(['warning A connection could not be accepted: accept EMFILE']);
  });

  it.each([
    [
      'a socket',
      new Error('connect failed', {
        cause: Object.assign(new Error('socket'), { code: 'EMFILE', message: 'socket EMFILE' }),
      }),
    ],
    ['a file', Object.assign(new Error("EMFILE: too many open files, open '/a'"), { code: 'EMFILE' })],
    [
      'a thread',
      new Error('The decoding thread failed.', { cause: new Error('Worker initialization failure: EMFILE') }),
    ],
    ['any of the system', new Error('ENFILE: file table overflow')],
  ])('says that it is busy where an image needs %s', async (_, failure) => {
    const admission = new Admission({ maxBatchSize: 1, maxQueueSize: undefined });
    const request = {
      messages: [{ role: 'user', content: [{ type: 'image', url: 'data:,', param: 'messages[0].content[0]' }] }],
    } as unknown as ParsedRequest;
    const failing = Object.assign(() => Promise.reject(failure), { open: () => Promise.reject(failure) });
    const events = generate(request, {
      admission,
      client: ['a'],
      signal: new AbortController().signal,
      observe: () => new Metrics().generations.observe(0),
      onBodyUsed: () => undefined,
      model: {} as LoadedModel,
      settings: { maxImagesPerRequest: 1 },
      media: {
        forRequest: () => failing,
        sizesForRequest: () => failing,
        warmUp: () => Promise.resolve(),
        close: () => Promise.resolve(),
      },
    });
    await expect(events.next()).rejects.toMatchObject({ code: 'at_capacity' });
  });
});
