import { PassThrough } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { conversionProgress } from '../../src/cli/conversion-progress.ts';
import { createOutput } from '../../src/cli/output.ts';

afterEach(() => vi.useRealTimers());

function capture() {
  const stderr = new PassThrough().setEncoding('utf8');
  const stream = stderr as unknown as NodeJS.WriteStream;
  return { progress: conversionProgress(createOutput(stream, stream)), printed: () => String(stderr.read() ?? '') };
}

test('a conversion has taken the time since it began, not that of the download before it', () => {
  vi.useFakeTimers();
  const { progress, printed } = capture();
  vi.advanceTimersByTime(60_000);
  progress.show({ file: 'model.gguf', bytesWritten: 0, bytesTotal: 2000 });
  vi.advanceTimersByTime(2000);
  progress.succeed();
  expect(printed()).toMatch(/Converted \(2\.0 kB\) in 2\.0 s\n$/);
});

test('a model that is ready gives no word', () => {
  const { progress, printed } = capture();
  progress.succeed();
  progress.end();
  expect(printed()).toBe('');
});
