import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createLineSink } from '../../src/cli/line-sink.ts';
import { createOutput } from '../../src/cli/output.ts';
import { formatBytes, formatDuration, printable, wrapped } from '../../src/cli/printable.ts';
import { formatNamedTable } from '../../src/cli/table.ts';

function capture() {
  const stdout = new PassThrough().setEncoding('utf8');
  const stderr = new PassThrough().setEncoding('utf8');
  return {
    output: createOutput(stdout as unknown as NodeJS.WriteStream, stderr as unknown as NodeJS.WriteStream),
    printed: () => String(stderr.read() ?? ''),
  };
}

test('a line of the log has a time, a level and a message', () => {
  const { output, printed } = capture();
  output.log('warning', 'careful');
  expect(printed()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING careful\n$/);
});

test('lines below the level are left out', () => {
  const { output, printed } = capture();
  output.level = 'warning';
  output.log('info', 'hidden');
  output.note('hidden too');
  output.log('error', 'shown');
  expect(printed()).toMatch(/^\S+ ERROR {3}shown\n$/);
});

test('no message can forge a line of the log or steer the terminal', () => {
  const { output, printed } = capture();
  output.log('info', 'a\n2026-01-01T00:00:00.000Z ERROR b\u001B[2J\r\u009B');
  expect(printed().split('\n').slice(1)).toEqual(['  2026-01-01T00:00:00.000Z ERROR b\\u001b[2J\\r\\u009b', '']);
});

test.each([
  ['token hf_AbCdEfGhIjKlMnOp is bad', 'token hf_*** is bad'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
  ['https://user:password@example.org/x', 'https://***@example.org/x'],
  ['hf_model of org/hf_x', 'hf_model of org/hf_x'],
])('%s is printed without its secret', (text, expected) => {
  expect(printable(text)).toBe(expected);
});

test('a task prints when it begins something and when it ends', () => {
  const { output, printed } = capture();
  const task = output.startTask();
  for (let step = 0; step <= 100; step++) task.update('Converting: a', step / 100);
  task.update('Converting: b', 0.255);
  task.update('Converting: a', 1);
  task.succeed('Converted');
  task.end();
  const messages = printed()
    .split('\n')
    .map((line) => line.replace(/^\S+ INFO +/, ''));
  expect(messages).toEqual([
    'Converting: a 0 %',
    'Converting: b 25 %',
    expect.stringMatching(/^Converted in 0\.\d s$/),
    '',
  ]);
});

test.each([
  [0, '0 B'],
  [472.817, '473 B'],
  [999, '999 B'],
  [4_056_080, '4.1 MB'],
  [54_000_000_000, '54.0 GB'],
])('%f bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [1234, '1.2 s'],
  [192_000, '3 min 12 s'],
])('%d ms are %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

/** A terminal of so many columns. */
function terminal(columns: number) {
  const stream = new PassThrough().setEncoding('utf8');
  return Object.assign(stream, { isTTY: true, columns, hasColors: () => false }) as unknown as NodeJS.WriteStream;
}

test.each([0, 1, 19])('nothing is drawn on a terminal of %i columns', async (columns) => {
  const stderr = terminal(columns);
  const output = createOutput(terminal(columns), stderr);
  await output.prepare();
  expect(output.startArea()).toBeUndefined();
  const task = output.startTask();
  task.update('Converting', 0.5);
  task.succeed('Converted');
  expect(stderr.read()).toMatch(/^\S+ INFO {4}Converting 50 %\n\S+ INFO {4}Converted in \d/);
});

test('lines of the log on a terminal are broken between words, after their time and level too', () => {
  const stderr = terminal(60);
  createOutput(terminal(60), stderr).log('info', 'Context: 2048 tokens for each of 8 conversations');
  expect(stderr.read()).toMatch(/^\S{24} INFO {4}Context: 2048 tokens for\n {2}each of 8 conversations\n$/);
});

test('an area on a terminal that shrinks to nothing is left alone', async () => {
  const stderr = terminal(80);
  const output = createOutput(terminal(80), stderr);
  await output.prepare();
  const area = output.startArea();
  area?.draw(['one']);
  stderr.read();
  stderr.columns = 0;
  area?.draw(['two']);
  expect(stderr.read()).toBeNull();
  area?.above('said');
  expect(stderr.read()).toBe('said\n');
});

test('lines that could not be written are counted once they can be again', () => {
  let failure: NodeJS.ErrnoException | null = null;
  const disk = {
    on: () => disk,
    write: (_text: string, done: (error: NodeJS.ErrnoException | null) => void) => done(failure),
  };
  const recoveries: string[] = [];
  const sink = createLineSink(disk as unknown as NodeJS.WritableStream, (lost, reason) => {
    recoveries.push(`${lost} lost: ${reason}`);
  });
  sink.write('a');
  failure = Object.assign(new Error('full'), { code: 'ENOSPC' });
  sink.write('b');
  sink.write('c');
  expect(recoveries).toEqual([]);
  expect(sink.failure()).toBe('ENOSPC');
  failure = null;
  sink.write('d');
  sink.write('e');
  expect(recoveries).toEqual(['2 lost: ENOSPC']);
});

test('text for a terminal is broken between words, and a path stays whole', () => {
  expect(wrapped('The model "./a" does not exist\nGive one.', 12)).toBe('The model\n"./a" does\nnot exist\nGive one.');
  expect(wrapped('see /a/very/long/path/indeed now', 10)).toBe('see\n/a/very/long/path/indeed\nnow');
  expect(wrapped('unbreakable', 3)).toBe('unbreakable');
});

test('a table that is too wide for a terminal becomes a list', () => {
  const rows = [
    ['PID', 'MODEL'],
    ['12', 'a'],
    ['3', 'long name'],
  ];
  expect(formatNamedTable(rows, 14)).toBe('PID  MODEL\n12   a\n3    long name');
  expect(formatNamedTable(rows, 13)).toBe('PID    12\nMODEL  a\n\nPID    3\nMODEL  long name');
});
