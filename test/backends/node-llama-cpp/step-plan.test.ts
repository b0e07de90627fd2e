import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const sourceDir = join(import.meta.dirname, '../../../backends/node-llama-cpp/native/src');

/** Tokens of each prompt in a step, by the prompt's place in the list. */
type Step = ReadonlyMap<number, number>;

interface Limits {
  readonly tokens: number;
  readonly most?: number;
  readonly besideShort?: number;
  readonly besideStreams?: boolean;
  readonly mixingCosts?: boolean;
}

/** The number of the step that computes the last of a prompt. */
const lastStepOf = (prompt: number, all: readonly Step[]): number => all.findLastIndex((step) => step.has(prompt));
/** How many prompts of each step do not end in it. */
const unfinished = (all: readonly Step[]): number[] =>
  all.map((step, i) => [...step.keys()].filter((prompt) => lastStepOf(prompt, all) > i).length);
const total = (step: Step): number => [...step.values()].reduce((sum, share) => sum + share, 0);

/** The rules by which the engine fills its steps, run in a small program of their own. */
describe.skipIf(process.platform === 'win32')('the rules of turns', () => {
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vserve-step-plan-'));
    program = join(folder, 'check');
    const sources = ['step-plan', 'step-pace', 'client-turns', 'admission-order', 'embed-queue'].map((name) =>
      join(sourceDir, `${name}.cpp`),
    );
    execFileSync(process.env['CXX'] ?? 'c++', [
      '-std=c++17',
      '-Wall',
      '-Wextra',
      `-I${sourceDir}`,
      join(import.meta.dirname, 'step-plan-check.cpp'),
      ...sources,
      '-o',
      program,
    ]);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function run(...args: readonly string[]): string[] {
    return execFileSync(program, args, { encoding: 'utf8' }).split('\n').slice(0, -1);
  }

  /** Computes prompts, `client:tokens@step of arrival`, to their ends. */
  function steps(
    { tokens, most = tokens, besideShort = tokens, besideStreams = true, mixingCosts = false }: Limits,
    ...works: readonly string[]
  ): Step[] {
    return run(
      'steps',
      ...[tokens, most, besideShort, Number(besideStreams), Number(mixingCosts)].map(String),
      ...works,
    ).map(
      (line) =>
        new Map(Array.from(line.matchAll(/(\d+)=(\d+)/g), ([, prompt, share]) => [Number(prompt), Number(share)])),
    );
  }

  it('give a prompt alone all of a step', () => {
    expect(steps({ tokens: 512, besideShort: 128 }, 'a:1300@0').map(total)).toEqual([512, 512, 276]);
  });

  it('let a short question into the next step, which others make little longer', () => {
    const all = steps({ tokens: 512, besideShort: 128 }, 'a:4000@0', 'a:20@3');
    expect(lastStepOf(1, all)).toBe(3);
    expect(total(all[3] ?? new Map())).toBe(148);
  });

  it('leave nothing of a step unused', () => {
    const all = steps({ tokens: 64 }, 'a:4000@0', 'a:700@3', 'b:50@4', 'b:90@4');
    expect(new Set(all.slice(0, -1).map(total))).toEqual(new Set([64]));
  });

  it('give at least half to the oldest of a client whose short questions never end', () => {
    const flood = Array.from({ length: 200 }, (_, i) => `a:30@${i}`);
    const all = steps({ tokens: 64 }, 'a:1600@0', ...flood);
    expect(lastStepOf(0, all)).toBeLessThanOrEqual(1600 / 32);
  });

  it('give a client with one long prompt as much as one with seven', () => {
    const seven = Array.from({ length: 7 }, () => 'a:4000@0');
    const all = steps({ tokens: 512, besideShort: 128 }, ...seven, 'b:4000@0');
    expect(lastStepOf(7, all)).toBeLessThanOrEqual((2 * 4000) / 512 + 2);
  });

  it('give no more to a client that invents names', () => {
    const inventive = Array.from({ length: 7 }, (_, i) => `a/key${i}:4000@0`);
    const all = steps({ tokens: 512, besideShort: 128 }, ...inventive, 'b:4000@0');
    expect(lastStepOf(7, all)).toBeLessThanOrEqual((2 * 4000) / 512 + 2);
  });

  it('let no client save up turns while it asks for nothing', () => {
    const all = steps({ tokens: 100 }, 'a:10000@0', 'b:4000@90', 'a:4000@90');
    // Both have half from there on.
    const since = all.slice(90, 130);
    const ofB = since.reduce((sum, step) => sum + (step.get(1) ?? 0), 0);
    expect(ofB / since.reduce((sum, step) => sum + total(step), 0)).toBeCloseTo(0.5, 1);
  });

  it('leave at most one prompt of a step unfinished where mixing costs', () => {
    const eight = Array.from({ length: 8 }, (_, i) => `${'ab'[i % 2] ?? ''}:90@0`);
    expect(Math.max(...unfinished(steps({ tokens: 64, mixingCosts: true }, ...eight)))).toBe(1);
  });

  it('complete as many prompts beside streams as a step holds where mixing costs', () => {
    const seven = ['a:75@0', 'b:71@0', 'a:73@0', 'b:76@0', 'c:75@0', 'a:72@0', 'c:70@0'];
    const sizes = (besideStreams: boolean): number[] =>
      steps({ tokens: 250, besideStreams, mixingCosts: true }, ...seven).map((step) => step.size);
    expect(sizes(true)).toEqual([3, 3, 1]);
    // Without, the first answer begins the sooner.
    expect(sizes(false)[0]).toBe(1);
  });

  it.each([
    ['of another client', () => 'a'],
    ['of as many clients', (i: number) => `a${String(i)}`],
    ['of another key', () => 'l/y'],
  ])('give a long prompt every second step beside one prompt a step %s', (_, client) => {
    const flood = Array.from({ length: 150 }, (_, i) => `${client(i)}:150@${String(i)}`);
    const limits = { tokens: 250, most: 375, besideShort: 64, mixingCosts: true };
    for (const long of ['l/x:2000@0', 'l/x:1000@0!']) {
      expect(lastStepOf(0, steps(limits, long, ...flood))).toBeLessThan((2 * 2000) / 64);
    }
  });

  it('let an image have its turn behind small ones where mixing costs', () => {
    const flood = Array.from({ length: 120 }, (_, i) => `a:100@${String(i)}!`);
    const all = steps({ tokens: 250, most: 375, besideShort: 64, mixingCosts: true }, 'b:1000@0!', ...flood);
    expect(lastStepOf(0, all)).toBeLessThan((2 * 1000) / 64);
  });

  it('cut a prompt into passes of multiples of 16 tokens where mixing costs', () => {
    const alone = steps({ tokens: 250, besideStreams: false, mixingCosts: true }, 'a:1000@0');
    expect(alone.map(total)).toEqual([240, 240, 240, 240, 40]);
    // One more is in the pass over the streams' next tokens, or as many as a whole prompt has in the pass over both.
    expect(steps({ tokens: 250, mixingCosts: true }, 'a:1000@0').map(total)).toEqual([241, 241, 241, 241, 36]);
    const beside = steps({ tokens: 250, besideStreams: false, mixingCosts: true }, 'a:1000@0', 'b:41@1');
    expect([...(beside[1] ?? [])]).toEqual([
      [0, 41 + 160],
      [1, 41],
    ]);
    // Little would be left of a small share.
    expect(steps({ tokens: 63, mixingCosts: true }, 'a:150@0').map(total)).toEqual([63, 63, 24]);
  });

  it('give a long prompt its turn behind short ones that fill every step where mixing costs', () => {
    const flood = Array.from({ length: 300 }, (_, i) => `a:30@${i >> 1}`);
    const all = steps({ tokens: 64, besideShort: 16, mixingCosts: true }, 'a:800@0', ...flood);
    expect(lastStepOf(0, all)).toBeLessThanOrEqual((2 * 800) / 16 + 1);
  });

  it('let a short question into the next step where mixing costs, too', () => {
    const all = steps({ tokens: 64, mixingCosts: true }, 'a:1000@0', 'a:20@3', 'a:20@4');
    expect([lastStepOf(1, all), lastStepOf(2, all)]).toEqual([3, 4]);
  });

  it('leave no small rest of a prompt to a step of its own', () => {
    const four = Array.from({ length: 4 }, () => 'a:80@0');
    expect(steps({ tokens: 128, most: 192 }, ...four).map(total)).toEqual([160, 160]);
    // A large rest, and the rest of a long prompt, which has others behind it, wait.
    expect(steps({ tokens: 128, most: 192 }, 'a:180@0').map(total)).toEqual([128, 52]);
    const many = steps({ tokens: 128, most: 160 }, ...Array.from({ length: 9 }, () => 'a:80@0'));
    expect(Math.max(...many.map(total))).toBeLessThanOrEqual(160);
  });

  it('decode one image at a time, and leave none out', () => {
    const flood = Array.from({ length: 100 }, (_, i) => `a:30@${i}!`);
    const all = steps({ tokens: 64 }, 'b:1000@0!', ...flood);
    expect(Math.max(...all.map((step) => step.size))).toBe(1);
    expect(lastStepOf(0, all)).toBeLessThan(60);
  });

  it('compute every prompt, whatever comes and however small a step is', () => {
    const work = fc.record({
      client: fc.constantFrom('a', 'a/x', 'a/y', 'b', ''),
      tokens: fc.integer({ min: 1, max: 300 }),
      arrival: fc.integer({ min: 0, max: 40 }),
      image: fc.constantFrom('', '', '', '!'),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 3, 4, 63, 255),
        fc.boolean(),
        fc.boolean(),
        fc.array(work, { minLength: 1, maxLength: 12 }),
        (tokens, besideStreams, mixingCosts, works) => {
          const args = works.map((w) => `${w.client}:${w.tokens}@${w.arrival}${w.image}`);
          const most = tokens + (tokens >> 1);
          const besideShort = Math.ceil(tokens / 4);
          const all = steps({ tokens, most, besideShort, besideStreams, mixingCosts }, ...args);
          expect(Math.max(...all.map(total))).toBeLessThanOrEqual(most);
          expect(Math.max(...unfinished(all))).toBeLessThanOrEqual(mixingCosts ? 1 : 12);
          // No step is empty while there is work.
          const arrivals = new Set(works.map(({ arrival }) => arrival));
          expect(all.filter((step, i) => step.size === 0 && arrivals.has(i))).toEqual([]);
          for (const [i, { tokens: wanted }] of works.entries()) {
            expect(all.reduce((sum, step) => sum + (step.get(i) ?? 0), 0)).toBe(wanted);
          }
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  it('encode a small image first, then the one whose turn it is', () => {
    expect(run('images', 'a:900@0', 'a:800@0', 'b:100@0')).toEqual(['2', '0', '1']);
    const flood = Array.from({ length: 20 }, (_, i) => `a:10@${i}`);
    expect(run('images', 'b:900@0', ...flood).indexOf('0')).toBeLessThanOrEqual(1);
  });

  /** The most tokens of prompts in the step after these. */
  const mostAfter = (...steps: readonly string[]): number | undefined =>
    run('pace', '500', '16', ...steps)
      .map(Number)
      .at(-1);

  it('bound how long a step with prompts may pause the streams, whatever a single one took', () => {
    const unbounded = 2 ** 31 - 1;
    expect(mostAfter('2,0,50')).toBe(unbounded);
    // 40 ms a token, besides what the streams take.
    expect(mostAfter('2,0,50', '2,100,4050')).toBe(16);
    expect(mostAfter('0,100,1000')).toBe(50);
    expect(mostAfter('2,0,50', '2,100,1050')).toBe(50);
    // A machine that stood still, and one that has become slower.
    expect(mostAfter('0,100,1000', '0,100,60000', '0,100,60000')).toBe(50);
    expect(mostAfter('0,100,1000', ...Array.from({ length: 4 }, () => '0,100,2000'))).toBe(25);
  });

  it('admit in order of the queue, a client that runs fewer before others', () => {
    // running, served, begun before, passed over
    expect(run('admit', '0,0,0,0', '0,0,0,0')).toEqual(['0 1 ']);
    expect(run('admit', '2,0,0,0', '0,9,0,0', '0,5,0,0')).toEqual(['2 1 0 ']);
  });

  /** The inputs of each batch of at most 4, and of at most 100 tokens. */
  const batches = (...inputs: readonly string[]): string[] =>
    run('embed', '4', '100', ...inputs).map((line) => line.trim());

  it('embed as many inputs at once as fit, in their order', () => {
    expect(batches('a:30@0', 'a:30@0', 'a:50@0', 'a:20@0')).toEqual(['0 1', '2 3']);
    expect(batches(...Array.from({ length: 5 }, () => 'a:1@0'))).toEqual(['0 1 2 3', '4']);
    expect(batches('a:30@0', 'a:500@0!', 'a:30@0')).toEqual(['0', '1', '2']);
  });

  it('embed an input of one client before the many of another', () => {
    const many = Array.from({ length: 12 }, () => 'a:90@0!');
    const lines = batches(...many, 'b:20@2', 'b:20@2');
    expect(lines.slice(0, 4)).toContain('12 13');
    // Whatever it calls itself.
    const inventive = Array.from({ length: 12 }, (_, i) => `a/key${String(i)}:90@0!`);
    expect(batches(...inventive, 'b:20@2').slice(0, 4)).toContain('12');
  });

  it('admit past a request that does not fit, but not for ever, and not past one that had begun', () => {
    expect(run('admit', '3,0,0,8', '0,0,0,0')).toEqual(['0 ']);
    expect(run('admit', '0,0,0,0', '0,0,1,0')).toEqual(['1 ']);
  });
});
