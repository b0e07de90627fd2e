import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const sourceDir = join(import.meta.dirname, '../../../backends/node-llama-cpp/native/src');

/** The C++ class that cuts tokens into text, run in a small program of its own. */
describe.skipIf(process.platform === 'win32')('TextStream', () => {
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vserve-text-stream-'));
    program = join(folder, 'check');
    const check = join(import.meta.dirname, 'text-stream-check.cpp');
    const sources = [check, join(sourceDir, 'text-stream.cpp')];
    execFileSync(process.env['CXX'] ?? 'c++', [
      '-std=c++17',
      '-Wall',
      '-Wextra',
      `-I${sourceDir}`,
      ...sources,
      '-o',
      program,
    ]);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function stream(text: string, stops: readonly string[] = []): { pieces: string[]; text: string; stopped: boolean } {
    const lines = execFileSync(program, [text, ...stops], { encoding: 'buffer' })
      .toString('utf8')
      .split('\n');
    const pieces = lines.slice(0, -2);
    return { pieces, text: pieces.join(''), stopped: lines.at(-2) === 'stopped' };
  }

  it('never cuts a character', () => {
    const { pieces, text } = stream('a é € 😀 z');
    expect(text).toBe('a é € 😀 z');
    expect(pieces.join('|')).not.toContain('�');
    expect(pieces).toContain('😀');
  });

  it('holds back what may become a stop string, and lets it go when it does not', () => {
    const { pieces, text, stopped } = stream('one STOX two', ['STOP']);
    expect(text).toBe('one STOX two');
    expect(stopped).toBe(false);
    expect(pieces).toContain('STOX');
    expect(pieces).not.toContain('S');
  });

  it('ends before the first stop string, and shows nothing after it', () => {
    expect(stream('one STOP two', ['STOP'])).toMatchObject({ text: 'one ', stopped: true });
    expect(stream('aab', ['ab'])).toMatchObject({ text: 'a', stopped: true });
    expect(stream('x€y', ['€'])).toMatchObject({ text: 'x', stopped: true });
  });

  it('gives what a search of the whole text gives, for any text and stop strings', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀'), minLength: 1, maxLength: 12 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(word, fc.array(stop, { maxLength: 3 }), (text, stops) => {
        // The text is fed byte by byte, so the stop string that is complete first wins.
        const ends = stops.map((s) => ({ s, at: text.indexOf(s) })).filter(({ at }) => at >= 0);
        const first = ends.toSorted((x, y) => x.at + x.s.length - (y.at + y.s.length) || x.at - y.at)[0];
        expect(stream(text, stops)).toMatchObject({
          text: first === undefined ? text : text.slice(0, first.at),
          stopped: first !== undefined,
        });
      }),
      { numRuns: 150, seed: 1 },
    );
  });
});
