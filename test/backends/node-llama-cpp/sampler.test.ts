import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shapesFiles } from '../../support/shapes-engine.ts';
import { NativeCheck } from './native-check.ts';

const root = join(import.meta.dirname, '../../..');
const sources = [
  'sampler',
  'candidates',
  'nucleus',
  'typical',
  'logits-row',
  'penalties',
  'no-repeat-ngram',
  'dry',
  'mirostat',
  'adaptive-p',
  'batch',
  'error',
];

describe.skipIf(process.platform !== 'linux')('a draw from a row of logits', () => {
  let program: NativeCheck;
  const check = (...what: readonly string[]): string => execFileSync(program.program, what, { encoding: 'utf8' });
  beforeAll(() => {
    program = new NativeCheck('sampler-check.cpp', sources);
  });
  afterAll(() => {
    program.remove();
  });

  it('is from the tokens that transformers keeps, with their probabilities', () => {
    const fixture = join(root, 'test/fixtures/sampling/transformers.tsv');
    expect(check('transformers', fixture)).toBe('300 cases\n');
  });

  it("is from the tokens that llama.cpp's samplers keep, in any order of them", () => {
    expect(check('orders')).toBe('600 cases\n');
  });

  it("costs as much as llama.cpp's DRY says where it prolongs a repetition", () => {
    expect(check('dry', shapesFiles().modelPath)).toBe('100 cases\n');
  });

  it('is as surprising as mirostat aims at, and as likely as adaptive_p does', () => {
    expect(check('learning')).toBe('3 cases\n');
  });

  it('is refused by name where the settings forbid all tokens, and ends no answer before its time', () => {
    expect(check('nothing-left')).toBe('3 cases\n');
  });

  it('repeats no sequence of the answer, or of the prompt too, within a window, but for tokens that are allowed', () => {
    expect(check('ngrams')).toBe('200 cases\n');
  });

  it('comes as often as the probability says, and again from the same seed', () => {
    expect(check('draws')).toBe('6 cases\n');
  });

  it('has a row of logits: a batch refuses more of them than its context has room for', () => {
    expect(check('outputs')).toBe('1 cases\n');
  });

  it('fails where a logit is not a number, whatever the settings, and nowhere else', () => {
    expect(check('no-numbers')).toBe('30 cases\n');
  });
});
