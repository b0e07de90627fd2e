import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEchoBackend } from '../../backends/echo/index.ts';
import { startServer } from '../../src/server/index.ts';
import { checkPort } from '../../src/server/port.ts';
import { send } from './support/http.ts';
import { mediaSettings, serverSettings } from './support/settings.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';

async function start(hosts: readonly string[], port: number) {
  const model = await createEchoBackend().load({ modelPath: '/nowhere', mmprojPath: undefined }, defaultLoadSettings, {
    onProgress: () => undefined,
    log: () => undefined,
    signal: new AbortController().signal,
  });
  const server = await startServer({
    hosts,
    port,
    model,
    metricsPort: undefined,
    servedModelName: 'm',
    version: '1.2.3',
    settings: serverSettings(),
    media: mediaSettings(),
    log: () => undefined,
  });
  onTestFinished(() => server.shutdown());
  return server;
}

async function busyPort(): Promise<number> {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  return (other.address() as AddressInfo).port;
}

const both = [
  ['checkPort', checkPort],
  ['startServer', start],
] as const;

describe.each(both)('%s', (_, listen) => {
  it('says that a port is in use, and what to do', async () => {
    const port = await busyPort();
    await expect(listen(['127.0.0.1'], port)).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(`The network port ${port} is already in use.`) as string,
    });
  });

  it.each([
    ['of another machine', '192.0.2.1', 'EADDRNOTAVAIL'],
    ['that does not resolve', 'no-such-host.invalid', /ENOTFOUND|EAI_AGAIN/],
  ])('says that an address %s is not available', async (_, host, code) => {
    const listening = listen([host], 0);
    await expect(listening).rejects.toMatchObject({ code: 'address_unavailable' });
    await expect(listening).rejects.toThrow(`The address ${host}:0 cannot be listened on`);
    await expect(listening).rejects.toThrow(code);
  });
});

describe('a server', () => {
  it('listens where checkPort has looked', async () => {
    const { port, shutdown } = await start(['127.0.0.1'], 0);
    await shutdown();
    await checkPort(['127.0.0.1'], port);
    const { url } = await start(['127.0.0.1'], port);
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect((await send(`${url}/health`)).status).toBe(200);
    await expect(checkPort(['127.0.0.1'], port)).rejects.toMatchObject({ code: 'port_in_use' });
  });

  it('has a URL with brackets on an IPv6 address', async () => {
    const { url, port } = await start(['::1'], 0);
    expect(url).toBe(`http://[::1]:${port}`);
    expect((await send(`${url}/health`)).status).toBe(200);
  });
});
