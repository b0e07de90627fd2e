import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { downloadProgress } from '../../src/cli/download-progress.ts';
import { createOutput } from '../../src/cli/output.ts';
import type { DownloadEvent } from '../../src/hub/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const bytes = 100e6;
const path = 'model.safetensors';

function plan(bytesDone: number): DownloadEvent {
  return { type: 'plan', repository: 'org/name', commit: 'c', reason: undefined, files: [{ path, bytes, bytesDone }] };
}

/** A download that is shown on a terminal, or where there is none. */
async function shown(terminal: { readonly isTTY?: true; readonly columns?: number } = {}) {
  const stderr = Object.assign(new PassThrough().setEncoding('utf8'), { ...terminal, hasColors: () => false });
  const stream = stderr as unknown as NodeJS.WriteStream;
  const output = createOutput(stream, stream);
  await output.prepare();
  const download = downloadProgress(output);
  const printed = (): string => String(stderr.read() ?? '').replaceAll(/^\S+Z /gm, '');
  return { ...download, printed };
}

test('where there is no terminal: a line at the start, one every five seconds, one at the end', async () => {
  const { onEvent, printed } = await shown();
  onEvent(plan(0));
  expect(printed()).toBe('INFO    Downloading org/name: 0 B of 100.0 MB (0 %), 0 of 1 files\n');
  onEvent({ type: 'progress', path, bytes, bytesDone: 0 });
  vi.advanceTimersByTime(4900);
  onEvent({ type: 'progress', path, bytes, bytesDone: 50e6 });
  expect(printed()).toBe('');
  vi.advanceTimersByTime(100);
  expect(printed()).toMatch(/^INFO {4}Downloading org\/name: 50\.0 MB of 100\.0 MB \(50 %\).* left\n$/);
  onEvent({ type: 'done', path, bytes });
  expect(printed()).toBe('✔ Downloaded org/name (100.0 MB) in 5.0 s\n');
  vi.advanceTimersByTime(60_000);
  expect(printed()).toBe('');
});

test('on a terminal: what is under way is drawn again and again, what is done stays', async () => {
  const { onEvent, printed } = await shown({ isTTY: true, columns: 100 });
  onEvent(plan(0));
  onEvent({ type: 'progress', path, bytes, bytesDone: 25e6 });
  vi.advanceTimersByTime(2000);
  expect(printed()).toMatch(/model\.safetensors +━{5}╌{15} +25 % +25\.0 MB of 100\.0 MB\n/);
  onEvent({ type: 'done', path, bytes });
  expect(printed()).toMatch(
    /✔ model\.safetensors \(100\.0 MB\)\n[^]*✔ Downloaded org\/name \(100\.0 MB\) in 2\.0 s\n$/,
  );
});

test('a model that is all there gives no word', async () => {
  const { onEvent, end, printed } = await shown();
  onEvent(plan(bytes));
  end();
  expect(printed()).toBe('');
});

test('connections that break together say so once', async () => {
  const { onEvent, printed } = await shown();
  for (let connection = 0; connection < 8; connection += 1) onEvent({ type: 'retry', reason: 'It was cut.' });
  expect(printed()).toBe('INFO    It was cut. Trying again.\n');
});
