import { expect, test } from 'vitest';
import { jsonProgress } from '../../src/cli/json-progress.ts';

function capture() {
  const lines: unknown[] = [];
  const clock = { nowMs: 0 };
  const shown = jsonProgress(
    (line) => lines.push(JSON.parse(line)),
    () => clock.nowMs,
  );
  return { lines, clock, shown };
}

test('progress of a file is told every half second, each file for itself', () => {
  const { lines, clock, shown } = capture();
  for (const nowMs of [0, 100, 499, 500, 900]) {
    clock.nowMs = nowMs;
    shown.onEvent({ type: 'progress', path: 'a', bytes: 1000, bytesDone: nowMs });
  }
  shown.onEvent({ type: 'progress', path: 'b', bytes: 10, bytesDone: 1 });
  expect(lines).toEqual([
    { event: 'progress', path: 'a', bytes: 1000, bytesDone: 0 },
    { event: 'progress', path: 'a', bytes: 1000, bytesDone: 500 },
    { event: 'progress', path: 'b', bytes: 10, bytesDone: 1 },
  ]);
});

test('everything else is told each time', () => {
  const { lines, shown } = capture();
  for (const path of ['a', 'b']) shown.onEvent({ type: 'done', path, bytes: 1 });
  shown.onEvent({ type: 'retry', reason: 'It was cut.' });
  shown.onEvent({ type: 'retry', reason: 'It was cut.' });
  expect(lines).toHaveLength(4);
});

test('the end of a file is told once, although it is reported with that of each other file', () => {
  const { lines, shown } = capture();
  const model = { file: 'model.gguf', bytesWritten: 3, bytesTotal: 3 };
  const mmproj = { file: 'mmproj.gguf', bytesWritten: 1, bytesTotal: 1 };
  for (const progress of [model, mmproj, model, mmproj]) shown.onConversion(progress);
  expect(lines).toEqual([
    { event: 'convert', ...model },
    { event: 'convert', ...mmproj },
  ]);
});

test('the end of a conversion is told however soon it comes', () => {
  const { lines, shown } = capture();
  for (const bytesWritten of [1, 2, 3])
    shown.onConversion({ file: 'model.gguf', bytesWritten, bytesTotal: 3, quantizedTo: 'q4_k_m' });
  expect(lines).toEqual([
    { event: 'convert', file: 'model.gguf', bytesWritten: 1, bytesTotal: 3, quantizedTo: 'q4_k_m' },
    { event: 'convert', file: 'model.gguf', bytesWritten: 3, bytesTotal: 3, quantizedTo: 'q4_k_m' },
  ]);
});
