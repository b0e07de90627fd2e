import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { downloadModel } from '../../src/hub/index.ts';
import type { DownloadRequest } from '../../src/hub/index.ts';
import { Gate } from '../support/gate.ts';
import { sha256 } from '../support/loopback-hub.ts';
import type { Fault, LoopbackHub, SeenRequest } from '../support/loopback-hub.ts';
import { checkpointFiles, hubWith, large, requestTo, temporaryFolder, tuning } from './download.ts';

const weights = large(1024 * 1024 + 12_345);
const weightBytes = weights.content.length;
let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

/** A hub where a fault befalls the requests for the weights' bytes that `befalls` names by their order, from 0. */
async function hubWithFault(befalls: (index: number) => boolean, fault: Fault): Promise<LoopbackHub> {
  let index = 0;
  return hubWith({
    files: checkpointFiles(weights),
    fault: ({ host, path }) =>
      host === 'cdn' && path.endsWith('.safetensors') && befalls(index++) ? fault : undefined,
  });
}

async function download(hub: LoopbackHub, changes: Partial<DownloadRequest> = {}) {
  const request = requestTo(hub, folder, changes);
  const model = await downloadModel(request);
  const content = await readFile(join(model.folder, 'model.safetensors'));
  expect(sha256(content)).toBe(sha256(weights.content));
  return request;
}

function contentRequests(hub: LoopbackHub): SeenRequest[] {
  return hub.requestsFor('model.safetensors').filter(({ host }) => host === 'cdn');
}

function bytesSent(hub: LoopbackHub): number {
  return contentRequests(hub).reduce((sum, request) => sum + request.bytesSent, 0);
}

const transient: readonly [string, Fault, RegExp][] = [
  ['a busy server', { status: 503 }, /responded with HTTP status 503/],
  ['too many requests', { status: 429, headers: { 'retry-after': '0' } }, /status 429: too many requests/],
  ['an address that has expired', { status: 403 }, /status 403/],
  ['a range that is refused', { status: 416 }, /status 416/],
  ['a connection that breaks', { cutAfter: 100_000 }, /connection to .* failed/],
  ['a Content-Range of something else', { headers: { 'content-range': 'bytes 1-2/3' } }, /bytes 1-2\/3 arrived/],
  ['an answer that is short', { shortBy: 1000 }, /ended its response early/],
];
test.each(transient)('%s: the part is fetched again, alone', async (_, fault, reason) => {
  const hub = await hubWithFault((index) => index === 1, fault);
  const { events } = await download(hub);
  expect(events).toContainEqual({ type: 'retry', reason: expect.stringMatching(reason) });
  const asked = contentRequests(hub).map(({ range }) => range?.[0]);
  expect(asked).toHaveLength(6);
  expect(new Set(asked).size).toBeGreaterThanOrEqual(5);
});

test('a connection that stalls: the part is fetched again', async () => {
  const hub = await hubWithFault((index) => index === 1, { stallAfter: 50_000 });
  // So short a time passes for others too, where the machine is busy.
  const { events } = await download(hub, { tuning: { ...tuning, stallMs: 500, retries: 20 } });
  expect(events).toContainEqual({ type: 'retry', reason: expect.stringMatching(/stalled: no data for 0\.5 s/) });
  const [, stalled, ...others] = contentRequests(hub).map(({ range }) => range);
  expect(others.some((range) => range?.[1] === stalled?.[1])).toBe(true);
});

test('what came before a break is kept', async () => {
  const arrived = new Gate();
  const hub = await hubWithFault((index) => index === 1, { cutAfter: 100_000, cutWhen: arrived.opened });
  await download(hub, {
    tuning: { ...tuning, connections: 1 },
    onEvent(event) {
      if (event.type === 'progress' && event.path === 'model.safetensors') {
        if (event.bytesDone === tuning.partBytes + 100_000) arrived.open();
      }
    },
  });
  const asked = contentRequests(hub).map(({ range }) => range?.[0] ?? -1);
  const part = tuning.partBytes;
  expect(new Set(asked)).toEqual(new Set([0, part, part + 100_000, 2 * part, 3 * part, 4 * part]));
});

test('a server that never answers well is given up, and says what it did', async () => {
  const hub = await hubWithFault(() => true, { status: 500 });
  await expect(download(hub)).rejects.toMatchObject({
    code: 'hub_unreachable',
    message: expect.stringMatching(/status 500\.\nWhat was downloaded is kept\. Run the command again/),
  });
});

test('a Retry-After that asks for more patience than there is ends the download', async () => {
  const hub = await hubWithFault(() => true, { status: 429, headers: { 'retry-after': '86400' } });
  await expect(download(hub)).rejects.toThrow(/asks for a wait of 86400 s/);
  expect(contentRequests(hub)).toHaveLength(1);
});

test('a server that ignores Range sends the file once, in one answer', async () => {
  const hub = await hubWithFault(() => true, { ignoreRange: true });
  await download(hub);
  expect(contentRequests(hub)).toHaveLength(1);
});

test('a server that ignores Range and breaks: the rest is taken from answers that begin at the start', async () => {
  let index = 0;
  const hub = await hubWith({
    files: checkpointFiles(weights),
    fault: ({ host, path }) => {
      if (host !== 'cdn' || !path.endsWith('.safetensors')) return undefined;
      return index++ === 0 ? { ignoreRange: true, cutAfter: 400_000 } : { ignoreRange: true };
    },
  });
  await download(hub);
});

test('a file that is longer than listed is refused, not cut', async () => {
  const hub = await hubWithFault(() => true, {
    ignoreRange: true,
    headers: { 'content-length': String(weightBytes + 10) },
  });
  await expect(download(hub)).rejects.toThrow(/should have 1060921 bytes, but 1060931 are sent/);
});

test('a content that is compressed on the way is refused', async () => {
  const hub = await hubWithFault(() => true, { headers: { 'content-encoding': 'gzip' } });
  await expect(download(hub)).rejects.toMatchObject({
    code: 'hub_invalid_answer',
    message: expect.stringMatching(/model\.safetensors arrives with the encoding gzip/),
  });
});

test('a file whose ETag is another hash than the one listed is refused before it is fetched', async () => {
  const hub = await hubWith({
    files: checkpointFiles(weights),
    fault: ({ host, path }) => {
      if (host !== 'hub' || !path.endsWith('resolve/0123456789abcdef0123456789abcdef01234567/LICENSE'))
        return undefined;
      return { headers: { etag: `W/"${'ab'.repeat(20)}"` } };
    },
  });
  await expect(download(hub)).rejects.toThrow(/lists LICENSE with the hash .* sends it with abab/);
});

test('one part that comes corrupt is found and fetched again', async () => {
  const hub = await hubWithFault((index) => index === 2, { corruptAt: 600_000 });
  const { events } = await download(hub);
  expect(events).toContainEqual({
    type: 'retry',
    reason: expect.stringMatching(/wrong hash: fetching its parts again/),
  });
  expect(bytesSent(hub)).toBeLessThan(2 * weightBytes);
});

test('a file that stays corrupt is an error, and nothing of it stays', async () => {
  const hub = await hubWithFault(() => true, { corruptAt: 10 });
  await expect(download(hub)).rejects.toMatchObject({ code: 'download_corrupt' });
  const blobs = await readdir(join(folder, 'hub', 'models--org--shapes', 'blobs'));
  expect(blobs).not.toContain(sha256(weights.content));
  expect(blobs.filter((name) => name.includes('incomplete') || name.includes('journal'))).toEqual([]);
});

/** Downloads until the weights are half there, and stops. */
async function downloadHalf(): Promise<void> {
  const stop = new AbortController();
  const hub = await hubWith({ files: checkpointFiles(weights) });
  const request = requestTo(hub, folder, {
    signal: stop.signal,
    tuning: { ...tuning, connections: 1 },
    onEvent: (event) => {
      if (event.type === 'progress' && event.bytesDone > 500_000) stop.abort(new Error('stopped'));
    },
  });
  await expect(downloadModel(request)).rejects.toThrow('stopped');
}

test('a download that was stopped goes on where it was: no byte that was written is fetched again', async () => {
  await downloadHalf();
  const hub = await hubWith({ files: checkpointFiles(weights) });
  const { events } = await download(hub);
  const plan = events.find(({ type }) => type === 'plan');
  const there = plan?.type === 'plan' ? plan.files.find(({ path }) => path === 'model.safetensors')?.bytesDone : 0;
  expect(there).toBeGreaterThan(500_000);
  expect(bytesSent(hub)).toBe(weightBytes - (there ?? 0));
});

test('what was damaged on the disk meanwhile is fetched again, and nothing else', async () => {
  await downloadHalf();
  const blobs = join(folder, 'hub', 'models--org--shapes', 'blobs');
  const path = join(blobs, `${sha256(weights.content)}.incomplete`);
  const content = await readFile(path);
  content.fill(0, 40_000, 40_100);
  await writeFile(path, content);
  const hub = await hubWith({ files: checkpointFiles(weights) });
  await download(hub);
  expect(bytesSent(hub)).toBeLessThan(weightBytes - 400_000);
});

test.each(['journal', 'incomplete'])('a %s that was cut short is no obstacle', async (suffix) => {
  await downloadHalf();
  const path = join(folder, 'hub', 'models--org--shapes', 'blobs', `${sha256(weights.content)}.${suffix}`);
  await truncate(path, Math.floor((await stat(path)).size / 3));
  await download(await hubWith({ files: checkpointFiles(weights) }));
});

test('--force-download fetches everything again', async () => {
  await download(await hubWith({ files: checkpointFiles(weights) }));
  const hub = await hubWith({ files: checkpointFiles(weights) });
  await download(hub, { forceDownload: true });
  expect(bytesSent(hub)).toBe(weightBytes);
  expect(hub.requestsFor('config.json')).toHaveLength(1);
});
