import { expect, test } from 'vitest';
import { parseOptions } from '../../../scripts/bench/options.ts';

test('Every option reaches the bench', () => {
  const options = parseOptions(
    '--only gap,text --rounds 5 --streams 2,3 --output-tokens 9 --prompt-words 7 --threads 1 --devices auto --max-length 64 --peer p --model m --mmproj mm --vserve v --patience 4 --cache c --json j'.split(
      ' ',
    ),
  );
  expect(options).toEqual({
    only: ['gap', 'text'],
    rounds: 5,
    streams: [2, 3],
    outputTokens: 9,
    promptWords: 7,
    threads: 1,
    quick: false,
    devices: 'auto',
    maxLength: 64,
    peerDir: 'p',
    files: { modelPath: 'm', mmprojPath: 'mm' },
    vservePath: 'v',
    patienceMs: 4000,
    cacheDir: 'c',
    jsonPath: 'j',
  });
});

test('What cannot be measured is refused by name', () => {
  expect(() => parseOptions(['--only', 'speed'])).toThrow(
    '--only knows start, tokens, structured, formats, text, behind, image, album, hybrid, agent, gap, cancel, media',
  );
  expect(() => parseOptions(['--rounds', '0'])).toThrow('--rounds takes whole numbers from 1, not "0"');
  expect(() => parseOptions(['--model', 'm'])).toThrow('--model and --mmproj go together');
  expect(() => parseOptions(['--fast'])).toThrow('--fast');
});
