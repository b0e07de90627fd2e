import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { OpenResponses } from '../../src/server/open-responses.ts';
import { dropStalledReaders } from '../../src/server/stalled-readers.ts';
import { readUntil } from './support/http.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** No socket buffer holds as much. */
const LARGE = Buffer.alloc(64 * 1024 * 1024, 'x');
const HARDLY_ANY_MS = 50;

interface Asked {
  readonly response: ServerResponse;
  /** The server's end of the connection. */
  readonly accepted: Socket;
  readonly client: Socket;
}

/** A request that a server has received, whose client reads nothing, and has hardly any time to. */
async function asked(server: Server, open: (port: number) => Socket): Promise<Asked> {
  dropStalledReaders(server, new OpenResponses(server));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = open((server.address() as AddressInfo).port).on('error', () => undefined);
  onTestFinished(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  client.pause();
  client.write(REQUEST);
  const [{ socket }, response] = (await once(server, 'request')) as [{ socket: Socket }, ServerResponse];
  socket.setTimeout(HARDLY_ANY_MS);
  return { response, accepted: socket, client };
}

const overTcp = (port: number): Socket => connect(port, '127.0.0.1');

it('a client that has stopped reading loses its connection, and the answer its memory', async () => {
  const { response, accepted, client } = await asked(createServer(), overTcp);
  response.end(LARGE);
  await once(accepted, 'close');
  expect(client.bytesRead).toBeLessThan(LARGE.length);
});

it('one that waits for its answer does not', async () => {
  const { response, accepted, client } = await asked(createServer(), overTcp);
  await once(accepted, 'timeout');
  expect(accepted.destroyed).toBe(false);
  response.end('the answer');
  expect(await readUntil(client, /the answer/)).toContain('200 OK');
});

it('one that may be reading slowly over TLS has as long as that would take', async () => {
  const [key, cert] = ['first.key', 'first.crt'].map((name) =>
    readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url)),
  );
  const { response, accepted } = await asked(createHttpsServer({ key, cert }), (port) =>
    connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }),
  );
  response.end(LARGE);
  await once(accepted, 'timeout');
  expect([accepted.destroyed, (accepted.timeout ?? 0) > 1000]).toEqual([false, true]);
});
