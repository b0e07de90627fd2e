import { once } from 'node:events';
import { link, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { isLocal, listenAddress, urlOf } from '../../src/server/listen-address.ts';
import { checkPort } from '../../src/server/port.ts';
import { chatBody, send } from './support/http.ts';
import { serve } from './support/serve.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-socket-'));
  onTestFinished(() => rm(folder, { recursive: true }));
});

/** A request over a Unix socket. */
async function sendTo(socketPath: string, path: string, body?: string) {
  const request = httpRequest({ socketPath, path, method: body === undefined ? 'GET' : 'POST', agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, text: await text(response) };
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe('an address', () => {
  it.each([
    ['0.0.0.0', 'http://0.0.0.0:80', false],
    ['::', 'http://[::]:80', false],
    ['[::1]', 'http://[::1]:80', true],
    ['127.0.0.2', 'http://127.0.0.2:80', true],
    ['LocalHost', 'http://LocalHost:80', true],
    ['model.example', 'http://model.example:80', false],
    ['/run/vserve.sock', 'unix:/run/vserve.sock', true],
    ['./vserve', 'unix:./vserve', true],
    ['vserve.sock', 'unix:vserve.sock', true],
    ['unix:vserve', 'unix:vserve', true],
    ['unix:///run/vserve', 'unix:/run/vserve', true],
  ])('%s is listened on as %s', (host, url, local) => {
    expect([urlOf(listenAddress(host, 80)), isLocal(host)]).toEqual([url, local]);
  });
});

describe('a server', () => {
  it('listens on several hosts and sockets, with one port, and ends on all of them', async () => {
    const path = join(folder, 'vserve.sock');
    const server = await serve({ hosts: ['127.0.0.1', path, '::1'], metricsPort: 0 });
    const { port, urls } = server;
    expect(urls).toEqual([`http://127.0.0.1:${port}`, `unix:${path}`, `http://[::1]:${port}`]);
    for (const url of [urls[0] ?? '', urls[2] ?? '']) expect((await send(`${url}/health`)).status).toBe(200);
    expect((await sendTo(path, '/v1/chat/completions', chatBody('hi'))).status).toBe(200);
    await server.shutdown();
    for (const url of [urls[0] ?? '', urls[2] ?? ''])
      await expect(send(`${url}/health`)).rejects.toThrow('ECONNREFUSED');
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('listens on nothing if one of its hosts cannot be', async () => {
    const path = join(folder, 'vserve.sock');
    await expect(serve({ hosts: [path, '192.0.2.1'] })).rejects.toMatchObject({ code: 'address_unavailable' });
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });
});

describe.runIf(process.platform !== 'win32')('a socket', () => {
  it('lets nobody else in, unless it is told to', async () => {
    const paths = ['a.sock', 'b.sock'].map((name) => join(folder, name));
    await serve({ hosts: [paths[0] ?? ''] });
    await serve({ hosts: [paths[1] ?? ''], settings: { unixSocketMode: 0o660 } });
    expect(await Promise.all(paths.map(modeOf))).toEqual(['600', '660']);
  });

  it('that a dead process has left is replaced', async () => {
    const path = join(folder, 'vserve.sock');
    const dead = createServer().listen(path);
    await once(dead, 'listening');
    // As if it had been killed: the file stays.
    await link(path, join(folder, 'kept.sock'));
    dead.close();
    await once(dead, 'close');
    await rename(join(folder, 'kept.sock'), path);
    await checkPort([path], 0);
    await serve({ hosts: [path] });
    expect((await sendTo(path, '/health')).status).toBe(200);
  });

  it('that is in use is left to its server', async () => {
    const path = join(folder, 'vserve.sock');
    await serve({ hosts: [path] });
    for (const listening of [checkPort([path], 0), serve({ hosts: [path] })]) {
      await expect(listening).rejects.toMatchObject({ code: 'port_in_use' });
    }
    expect((await sendTo(path, '/health')).status).toBe(200);
  });

  it('never takes the place of another file', async () => {
    const path = join(folder, 'notes.sock');
    await writeFile(path, 'notes');
    await expect(checkPort([path], 0)).rejects.toThrow('a file that is not a socket is in its place');
    expect((await stat(path)).size).toBe(5);
  });

  it.each([
    ['in no folder', 'none/vserve.sock', /its folder is missing/],
    ['with too long a path', `${'x'.repeat(120)}.sock`, /longer than 103 bytes/],
  ])('%s cannot be', async (_, name, message) => {
    const listening = checkPort([join(folder, name)], 0);
    await expect(listening).rejects.toMatchObject({ code: 'address_unavailable' });
    await expect(listening).rejects.toThrow(message);
  });
});
