import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { OpenResponses } from '../../src/server/open-responses.ts';
import { dropStalledReaders } from '../../src/server/stalled-readers.ts';
import { openSocket, readUntil } from './support/http.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** No socket buffer holds as much. */
const LARGE = Buffer.alloc(64 * 1024 * 1024, 'x');

/** A server that gives its clients hardly any time, and a connection to it. */
async function connected(answer: (response: ServerResponse) => void): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer((_request, response) => answer(response));
  dropStalledReaders(server, new OpenResponses(server), 50);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const client = await openSocket((server.address() as AddressInfo).port);
  const [accepted] = await accepting;
  return { client, accepted };
}

it('a client that has stopped reading loses its connection, and the answer its memory', async () => {
  const { client, accepted } = await connected((response) => void response.end(LARGE));
  client.pause();
  client.write(REQUEST);
  await once(accepted, 'close');
  expect(accepted.bytesWritten).toBeGreaterThan(0);
});

it('one that waits for its answer does not', async () => {
  let waiting: ServerResponse | undefined;
  const { client, accepted } = await connected((response) => {
    waiting = response;
  });
  client.write(REQUEST);
  await once(accepted, 'timeout');
  expect(accepted.destroyed).toBe(false);
  waiting?.end('the answer');
  expect(await readUntil(client, /the answer/)).toContain('200 OK');
});
