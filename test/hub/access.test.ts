import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { downloadModel, findToken } from '../../src/hub/index.ts';
import type { DownloadRequest } from '../../src/hub/index.ts';
import type { LoopbackHub } from '../support/loopback-hub.ts';
import { checkpointFiles, hubWith, requestTo, temporaryFolder } from './download.ts';

const files = checkpointFiles();
let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function withToken(hub: LoopbackHub, value: string, changes: Partial<DownloadRequest> = {}) {
  const request = requestTo(hub, folder, changes);
  return { ...request, settings: { ...request.settings, token: { value, origin: 'HF_TOKEN' } } };
}

test('the token goes to the hub, and not to the host that it redirects to', async () => {
  const hub = await hubWith({ files, gated: true, tokens: { hf_reader: true } });
  await downloadModel(withToken(hub, 'hf_reader'));
  const seen = (host: string) =>
    new Set(hub.requests.filter((each) => each.host === host).map((each) => each.authorization));
  expect(seen('hub')).toEqual(new Set(['Bearer hf_reader']));
  expect(seen('cdn')).toEqual(new Set([undefined]));
});

test('nor to a hub on another port or scheme, whatever its list of files links to', async () => {
  const other = await hubWith({ files });
  const hub = await hubWith({
    files,
    tokens: { hf_reader: true },
    fault: ({ path }) =>
      path.includes('/tree/')
        ? { status: 307, headers: { location: `${other.url}${path}?recursive=true` } }
        : undefined,
  });
  await downloadModel(withToken(hub, 'hf_reader'));
  expect(other.requests.length).toBeGreaterThan(0);
  expect(other.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
});

describe('a refusal says what to do', () => {
  const cases: readonly [string, string | undefined, Partial<DownloadRequest>, string, RegExp][] = [
    [
      'gated, no token',
      undefined,
      {},
      'hub_access_denied',
      /is gated, and no token is set\. Accept its license at .*org\/shapes, then set HF_TOKEN/,
    ],
    [
      'gated, no access',
      'hf_stranger',
      {},
      'hub_access_denied',
      /the account of the token from HF_TOKEN has no access\. Accept its license/,
    ],
    [
      'a token that is wrong',
      'hf_wrong',
      {},
      'hub_access_denied',
      /rejects the token from HF_TOKEN: it is invalid or has expired/,
    ],
    [
      'no such repository, no token',
      undefined,
      { repository: 'org/nothing' },
      'repository_not_found',
      /There is no model org\/nothing .* set HF_TOKEN/,
    ],
    [
      'no such repository',
      'hf_stranger',
      { repository: 'org/nothing' },
      'repository_not_found',
      /the token from HF_TOKEN has no read access/,
    ],
    ['no such revision', 'hf_reader', { revision: 'v9' }, 'revision_not_found', /org\/shapes has no revision "v9"/],
  ];
  test.each(cases)('%s', async (_, token, changes, code, message) => {
    const hub = await hubWith({ files, gated: true, tokens: { hf_reader: true, hf_stranger: false } });
    const request = token === undefined ? requestTo(hub, folder, changes) : withToken(hub, token, changes);
    const failure: unknown = await downloadModel(request).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(String(failure)).not.toContain(token ?? 'hf_');
  });
});

test('a token comes from HF_TOKEN, else from the file, else there is none', async () => {
  const file = join(folder, 'token');
  expect(await findToken(undefined, file)).toBeUndefined();
  await writeFile(file, 'hf_in_file\n');
  expect(await findToken(undefined, file)).toEqual({ value: 'hf_in_file', origin: file });
  expect(await findToken(' hf_given ', file)).toEqual({ value: 'hf_given', origin: 'HF_TOKEN' });
  const failure: unknown = await findToken('hf_two\nlines', file).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'invalid_setting' });
  expect(String(failure)).not.toContain('two');
});

test('an address that is no hub is told from one that does not answer', async () => {
  const hub = await hubWith({ files, fault: () => ({ status: 200, headers: { 'content-type': 'text/html' } }) });
  await expect(downloadModel(requestTo(hub, folder))).rejects.toThrow(/does not respond as the Hugging Face Hub does/);
  await hub.close();
  await expect(downloadModel(requestTo(hub, folder))).rejects.toMatchObject({
    code: 'hub_unreachable',
    message: expect.stringMatching(
      /connection to 127\.0\.0\.1:\d+ failed: .*ECONNREFUSED.*\.\norg\/shapes \(main\) is not on this machine either/,
    ),
  });
});

/** A proxy that makes tunnels, or closes every connection; it counts what it was asked. */
async function proxyThat(makesTunnels: boolean): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const proxy = createServer();
  proxy.on('connect', (request, socket, head) => {
    asked += 1;
    if (!makesTunnels) {
      socket.destroy();
      return;
    }
    const target = new URL(`http://${request.url ?? ''}`);
    const tunnel = connect(Number(target.port), target.hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnel.write(head);
      tunnel.pipe(socket).pipe(tunnel);
    });
    for (const end of [socket, tunnel]) end.on('error', () => undefined);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked: () => asked };
}

test('a proxy is used, and not for the hosts without one', async () => {
  const hub = await hubWith({ files });
  const proxy = await proxyThat(true);
  const request = requestTo(hub, folder);
  const through = (none: string): DownloadRequest => ({
    ...request,
    settings: { ...request.settings, proxies: { http: proxy.url, https: '', none } },
  });
  await downloadModel(through('127.0.0.1'));
  expect(proxy.asked()).toBe(0);
  await downloadModel({ ...through(''), forceDownload: true });
  expect(proxy.asked()).toBeGreaterThan(0);
});

test('a proxy that closes every connection is given up', async () => {
  const hub = await hubWith({ files });
  const { url } = await proxyThat(false);
  const request = requestTo(hub, folder);
  const settings = { ...request.settings, proxies: { http: url, https: '', none: '' } };
  await expect(downloadModel({ ...request, settings })).rejects.toMatchObject({ code: 'hub_unreachable' });
});
