import { expect, test } from 'vitest';
import { downloadLines, totalLine } from '../../src/cli/download-lines.ts';
import { DownloadMeter } from '../../src/cli/download-meter.ts';
import { DownloadState } from '../../src/cli/download-state.ts';
import type { DownloadEvent } from '../../src/hub/index.ts';

/** A download of 100 MB, of which an earlier process has left 20 MB, and one small file that is there. */
function stateAt(nowMs: number): DownloadState {
  const state = new DownloadState(nowMs);
  const files = [
    { path: 'config.json', bytes: 1000, bytesDone: 1000 },
    { path: 'model.safetensors', bytes: 100e6, bytesDone: 20e6 },
  ];
  state.update({ type: 'plan', repository: 'org/name', commit: 'c', reason: undefined, files }, nowMs);
  return state;
}

function progress(bytesDone: number): DownloadEvent {
  return { type: 'progress', path: 'model.safetensors', bytes: 100e6, bytesDone };
}

test('the rate is that of the last seconds, not that of the whole download', () => {
  const meter = new DownloadMeter(0);
  for (let second = 1; second <= 60; second += 1) meter.add(1e6, second * 1000);
  expect(meter.rate(60_000)).toBe(1e6);
  for (let second = 61; second <= 66; second += 1) meter.add(9e6, second * 1000);
  expect(meter.rate(66_000)).toBe(9e6);
});

test('without a byte the rate falls, a stall is told with its length, and the next byte ends it', () => {
  const meter = new DownloadMeter(0);
  meter.add(4e6, 1000);
  expect(meter.rate(1000)).toBe(4e6);
  expect(meter.rate(2000)).toBe(2e6);
  expect(meter.stalledMs(3999)).toBeUndefined();
  expect(meter.stalledMs(4000)).toBe(3000);
  expect(meter.rate(20_000)).toBe(0);
  meter.add(1, 20_000);
  expect(meter.stalledMs(20_000)).toBeUndefined();
});

test('what an earlier process has left is counted as there, and not as speed', () => {
  const state = stateAt(0);
  state.update(progress(20e6), 0);
  expect(totalLine(state, 1000)).toBe('Downloading org/name: 20.0 MB of 100.0 MB (20 %), 1 of 2 files');
  state.update(progress(30e6), 2000);
  expect(totalLine(state, 2000)).toBe(
    'Downloading org/name: 30.0 MB of 100.0 MB (30 %), 1 of 2 files, 5.0 MB/s, 14 s left',
  );
});

test('a file that was there and turned out to be damaged counts as fetched', () => {
  const state = stateAt(0);
  state.update({ type: 'check', path: 'config.json', bytes: 1000 }, 0);
  state.update({ type: 'progress', path: 'config.json', bytes: 1000, bytesDone: 0 }, 1000);
  state.update({ type: 'done', path: 'config.json', bytes: 1000 }, 2000);
  expect(state.bytesFetched).toBe(100e6 + 1000);
});

test('a stall promises no time that is left', () => {
  const state = stateAt(0);
  state.update(progress(20e6), 0);
  state.update(progress(30e6), 2000);
  expect(totalLine(state, 67_000)).toMatch(/1 of 2 files, stalled for 1 min 5 s$/);
});

test('all bytes are there, and the hash is being computed', () => {
  const state = stateAt(0);
  state.update(progress(100e6), 2000);
  expect(totalLine(state, 2000)).toMatch(/ 100\.0 MB of 100\.0 MB \(100 %\), 1 of 2 files, checking$/);
  expect(downloadLines(state, 100, 2000)[0]).toMatch(/━{20} 100 % {2}100\.0 MB, checking$/);
});

test('a line for each file under way and the total; none is longer than the terminal', () => {
  const state = stateAt(0);
  state.update(progress(50e6), 1000);
  const lines = downloadLines(state, 100, 1000);
  expect(lines).toEqual([
    expect.stringMatching(/^ {2}model\.safetensors {2}━{10}╌{10} {2}50 % {2}50\.0 MB of 100\.0 MB$/),
    expect.stringMatching(/^Downloading org\/name: /),
  ]);
  for (const columns of [20, 40, 60]) {
    for (const line of downloadLines(state, columns, 1000)) expect(line.length).toBeLessThan(columns);
  }
});
