import { z } from 'zod';
import { option } from './option.ts';
import type { ValueKind } from './option.ts';
import { choice, decimal, optional, text, wholeNumber, wholeNumbers } from './value-kinds.ts';

/** What `benchmark` sends, and how. Names are those of `max benchmark` where it has them. */
export const benchmarkOptions = {
  numPrompts: option({
    group: 'Benchmark',
    flags: ['num-prompts'],
    argument: 'n',
    help: 'Requests to send',
    kind: wholeNumber(1),
    default: 100,
  }),
  requestRate: option({
    group: 'Benchmark',
    flags: ['request-rate'],
    argument: 'per-second',
    help: 'Requests a second, at random intervals (a Poisson process); inf sends them at once',
    kind: orInfinite(),
    default: Infinity,
    defaultText: 'inf',
  }),
  maxConcurrency: option({
    group: 'Benchmark',
    flags: ['max-concurrency'],
    argument: 'n',
    help: 'Maximum requests at a time; several, as in 1,4,16, are measured one after the other',
    kind: wholeNumbers('whole numbers of at least 1', 1),
    default: [],
    defaultText: 'no limit',
  }),
  datasetName: option({
    group: 'Benchmark',
    flags: ['dataset-name'],
    argument: 'name',
    help: 'What is asked',
    kind: choice(['random', 'sharegpt', 'prompts'], {
      notes: {
        random: 'random words',
        sharegpt: 'the first questions of --dataset-path, a file of ShareGPT',
        prompts: 'the lines of --dataset-path',
      },
    }),
    default: 'random',
  }),
  datasetPath: option({
    group: 'Benchmark',
    flags: ['dataset-path'],
    argument: 'path',
    help: 'File of questions',
    kind: optional(text('the path of a file')),
    default: undefined,
    defaultText: 'none',
  }),
  randomInputLen: option({
    group: 'Benchmark',
    flags: ['random-input-len'],
    argument: 'words',
    help: 'Words of a random prompt; the report has its tokens',
    kind: wholeNumber(1),
    default: 512,
  }),
  randomOutputLen: option({
    group: 'Benchmark',
    flags: ['random-output-len', 'max-output-len'],
    argument: 'tokens',
    help: 'Maximum tokens of an answer; with --ignore-eos exactly as many',
    kind: wholeNumber(1),
    default: 128,
  }),
  randomRangeRatio: option({
    group: 'Benchmark',
    flags: ['random-range-ratio'],
    argument: 'ratio',
    help: 'How much both lengths vary, from 0 (not at all) to 1',
    kind: decimal(0, 1),
    default: 0,
  }),
  imageFraction: option({
    group: 'Benchmark',
    flags: ['image-fraction'],
    argument: 'fraction',
    help: 'Fraction of the requests that have images',
    kind: decimal(0, 1),
    default: 0,
  }),
  imageCount: option({
    group: 'Benchmark',
    flags: ['image-count', 'random-image-count'],
    argument: 'n',
    help: 'Images of such a request, each a new one',
    kind: wholeNumber(1),
    default: 1,
  }),
  imageLongSide: option({
    group: 'Benchmark',
    flags: ['image-long-side'],
    argument: 'pixels',
    help: 'Long side of an image',
    kind: wholeNumber(1, 16_384),
    default: 512,
  }),
  imageAspectRatio: option({
    group: 'Benchmark',
    flags: ['image-aspect-ratio'],
    argument: 'ratio',
    help: 'Width of an image divided by its height',
    kind: decimal(0.01, 100),
    default: 1,
  }),
  maxBenchmarkDurationS: option({
    group: 'Benchmark',
    flags: ['max-benchmark-duration-s'],
    argument: 'seconds',
    help: 'Send no more requests after this time',
    kind: optional(wholeNumber(1)),
    default: undefined,
    defaultText: 'no limit',
  }),
  outputJson: option({
    group: 'Benchmark',
    flags: ['output-json'],
    argument: 'path',
    help: 'Write the report, with every request, to this file',
    kind: optional(text('the path of a file')),
    default: undefined,
    defaultText: 'none',
  }),
  outputSvg: option({
    group: 'Benchmark',
    flags: ['output-svg'],
    argument: 'path',
    help: 'Draw the distributions of the latencies and the throughput into this file',
    kind: optional(text('the path of a file')),
    default: undefined,
    defaultText: 'none',
  }),
} as const;

/** A rate, or `inf`. */
function orInfinite(): ValueKind<number> {
  const kind = decimal(0);
  return {
    ...kind,
    schema: z.custom<number>((value) => typeof value === 'number' && value > 0),
    parseText: (value) => (/^inf(inity)?$/i.test(value.trim()) ? Infinity : kind.parseText(value)),
    allowed: 'a number above 0, or inf',
  };
}
