import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { IncomingMessage } from 'node:http';
import { readCertificate } from '../../src/server/tls-files.ts';
import { chatBody, openSocket, readUntil } from './support/http.ts';
import { serve } from './support/serve.ts';

const folder = join(import.meta.dirname, '../fixtures/tls');
const certificates = await Promise.all(['first', 'second'].map((name) => readFile(join(folder, `${name}.crt`))));

function files(name: string, certificate = name) {
  return { keyFile: join(folder, `${name}.key`), certFile: join(folder, `${certificate}.crt`), password: undefined };
}

async function get(url: string, options: RequestOptions & { readonly body?: string } = {}) {
  const { body, ...rest } = options;
  const request = httpsRequest(url, { ca: certificates, agent: false, ...rest });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  // Before the connection goes back to the agent.
  const name = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
  return { status: response.statusCode, text: await text(response), name };
}

describe('a server with a certificate', () => {
  it('serves HTTPS, streams too, and says so in its URLs', async () => {
    const server = await serve({ settings: { tls: files('first') }, metricsPort: 0 });
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    expect(await get(`${server.url}/health`)).toMatchObject({ status: 200, name: 'first.localhost' });
    const body = chatBody('one two', { stream: true });
    const answer = await get(`${server.url}/v1/chat/completions`, { method: 'POST', body });
    expect(answer.text).toMatch(/"two"[^]*data: \[DONE\]\n\n$/);
    expect(server.metricsUrl).toMatch(/^https:/);
    expect((await get(server.metricsUrl ?? '')).status).toBe(200);
  });

  it('tells a client that speaks HTTP to speak HTTPS', async () => {
    const server = await serve({ settings: { tls: files('first') } });
    const socket = await openSocket(server.port);
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await readUntil(socket, /\}$/)).toMatch(/^HTTP\/1\.1 400 [^]*Connection: close[^]*speaks HTTPS only/i);
    expect((await get(`${server.url}/health`)).status).toBe(200);
  });

  it('goes on when a handshake fails, and ends beside connections that have sent nothing', async () => {
    const server = await serve({ settings: { tls: files('first') } });
    const distrustful = connect({ port: server.port, host: '127.0.0.1' });
    await once(distrustful, 'error');
    const broken = await openSocket(server.port);
    broken.write('\x16\x03\x01\x00\x05hello');
    await once(broken.resume(), 'close');
    const silent = await openSocket(server.port);
    expect((await get(`${server.url}/health`)).status).toBe(200);
    await server.shutdown();
    silent.destroy();
  });

  it('takes another one without dropping connections', async () => {
    const copies = await mkdtemp(join(tmpdir(), 'vserve-tls-'));
    onTestFinished(() => rm(copies, { recursive: true }));
    const tls = { keyFile: join(copies, 'key'), certFile: join(copies, 'crt'), password: undefined };
    const install = async (name: string, certificate = name) => {
      await copyFile(files(name).keyFile, tls.keyFile);
      await copyFile(files(certificate).certFile, tls.certFile);
    };
    await install('first');
    const server = await serve({ settings: { tls }, metricsPort: 0 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: certificates });
    onTestFinished(() => agent.destroy());
    expect((await get(`${server.url}/health`, { agent })).name).toBe('first.localhost');
    await install('second');
    await server.reload();
    expect((await get(`${server.url}/health`)).name).toBe('second.localhost');
    expect((await get(server.metricsUrl ?? '')).name).toBe('second.localhost');
    expect((await get(`${server.url}/health`, { agent })).name).toBe('first.localhost');
    await install('first', 'second');
    await server.reload();
    expect((await get(`${server.url}/health`)).name).toBe('second.localhost');
    expect(server.log.join('\n')).toMatch(
      /warning Certificates could not be read again and stay as they were: The key/,
    );
  });
});

function silent(): void {}

describe('a certificate', () => {
  it('may have a key with a password', async () => {
    const encrypted = files('first-encrypted', 'first');
    expect(await readCertificate({ ...encrypted, password: 'open-sesame' }, silent)).toMatchObject({
      passphrase: 'open-sesame',
    });
    await expect(readCertificate(encrypted, silent)).rejects.toThrow('give --ssl-keyfile-password');
    await expect(readCertificate({ ...encrypted, password: 'sesame' }, silent)).rejects.toMatchObject({
      code: 'invalid_setting',
      message: expect.not.stringContaining('sesame') as string,
    });
  });

  it.each([
    ['of another key', files('first', 'second'), /first\.key and the certificate .*second\.crt cannot be used/],
    ['that is missing', files('first', 'third'), /--ssl-certfile names .*third\.crt, which does not exist/],
    ['that is none', { ...files('first'), certFile: files('first').keyFile }, /cannot be used/],
  ])('%s is refused', async (_, wrong, message) => {
    await expect(readCertificate(wrong, silent)).rejects.toThrow(message);
  });

  it('that has expired is warned about', async () => {
    const log: string[] = [];
    await readCertificate(files('first', 'expired'), (level, line) => log.push(`${level} ${line}`));
    expect(log).toEqual([expect.stringMatching(/^warning .*expired\.crt has expired.* 2020-01-02/)]);
  });
});
