import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { StreamOutput } from '../../src/server/stream-output.ts';
import { Gate } from '../support/gate.ts';
import { answerTo, open, openSocket } from './support/http.ts';
import { turnUntil } from './support/turn-until.ts';

const { signal } = new AbortController();
const texts = ['data: "one"\n\n', 'data: "zwölf €"\n\n', 'data: "🙂"\n\n'];

/** A server that answers with what a function writes. */
async function serveStream(write: (output: StreamOutput, response: ServerResponse) => Promise<void>) {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    void write(new StreamOutput(response, { heartbeat: undefined, isSilent: false }), response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${String(port)}` };
}

async function writeTexts(output: StreamOutput): Promise<void> {
  for (const part of texts) output.write(part);
  await output.end(signal);
}

describe('a streamed response', () => {
  it('is framed in chunks, whatever their characters', async () => {
    const { url } = await serveStream(writeTexts);
    const response = await answerTo(open(url));
    expect(response.headers['transfer-encoding']).toBe('chunked');
    expect(await text(response)).toBe(texts.join(''));
  });

  it('ends with the connection for a client that knows no chunks', async () => {
    const { port } = await serveStream(writeTexts);
    const socket = await openSocket(port);
    socket.write('GET / HTTP/1.0\r\n\r\n');
    const [head, body] = (await buffer(socket)).toString().split(/\r\n\r\n/);
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(body).toBe(texts.join(''));
  });

  it('waits its turn behind another on the same connection', async () => {
    const begun: (() => void)[] = [];
    const firstMayEnd = new Gate();
    const { port } = await serveStream(async (output) => {
      const number = begun.push(() => undefined);
      output.write(`first text of ${number}\n`);
      if (number === 1) await firstMayEnd.opened;
      output.write(`last text of ${number}\n`);
      await output.end(signal);
    });
    const socket = await openSocket(port);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await turnUntil(() => begun.length === 2);
    firstMayEnd.open();
    const all = (await buffer(socket)).toString();
    expect(all.match(/\w+ text of \d/g)).toEqual([
      'first text of 1',
      'last text of 1',
      'first text of 2',
      'last text of 2',
    ]);
    expect(all.match(/^0\r$/gm)).toHaveLength(2);
  });

  it('takes one write for all texts of a turn, and none more for its head', async () => {
    const sent = new Gate();
    let socket: Socket | null = null;
    const writes: number[] = [];
    const { url } = await serveStream(async (output, response) => {
      socket = response.socket;
      const write = vi.spyOn(response.socket ?? expect.fail('no socket'), 'write');
      for (const turn of [texts, texts.slice(1)]) {
        for (const part of turn) output.write(part);
        await new Promise((resolve) => setImmediate(resolve));
        writes.push(write.mock.calls.length);
      }
      await sent.opened;
      await output.end(signal);
    });
    const response = await answerTo(open(url));
    sent.open();
    expect(await text(response)).toBe([...texts, ...texts.slice(1)].join(''));
    expect(socket).not.toBeNull();
    expect(writes).toEqual([1, 2]);
  });

  it('says when a client is far behind, and when it has caught up or left', async () => {
    // More than the operating system holds for a connection.
    const much = 'x'.repeat(30_000_000);
    const states: string[] = [];
    const { url } = await serveStream(async (output) => {
      for (const state of ['caught up', 'left']) {
        output.write(much);
        if (output.isFull) states.push('behind');
        await output.drained(signal);
        states.push(state);
      }
    });
    const response = await answerTo(open(url));
    let read = 0;
    for await (const chunk of response.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      read += chunk.length;
      if (read > much.length) break;
    }
    expect(states).toEqual(['behind', 'caught up', 'behind']);
    response.destroy();
    await turnUntil(() => states.includes('left'));
  });
});
