import { join } from 'node:path';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import type { LoadSizes } from './bench.ts';
import { scenarioNames } from './scenarios/index.ts';
import type { ScenarioName } from './scenarios/index.ts';

export const usage = `Usage: npm run bench -- [options]

  --only <names>         scenarios, separated by commas: ${scenarioNames.join(', ')}
  --rounds <n>           how often each measurement alternates between the servers (3)
  --streams <n,…>        streams at a time (1,4,8,16)
  --output-tokens <n>    tokens of each answer (128)
  --prompt-words <n>     words of each prompt (32)
  --threads <n>          threads of each server (as many as vserve takes; fewer only on Linux)
  --quick                a smoke test: the embedded model, one round of small loads, without album, gap and media
  --peer <folder>        llama-server, llama-batched-bench and llama-quantize, already built
  --model, --mmproj      a GGUF pair of your own instead of the random model
  --vserve <path>        another checkout's bin/vserve.js
  --patience <seconds>   how long to wait for a quiet machine before each measurement (30)
  --cache <folder>       where the peer's build and the models are kept
  --json <path>          where the raw figures go (bench.json)`;

export interface Options extends LoadSizes {
  readonly only: readonly ScenarioName[];
  readonly threads: number | undefined;
  readonly quick: boolean;
  readonly peerDir: string | undefined;
  readonly files: { readonly modelPath: string; readonly mmprojPath: string } | undefined;
  readonly vservePath: string | undefined;
  readonly patienceMs: number;
  readonly cacheDir: string;
  readonly jsonPath: string;
}

/** Parses the command line. Throws an error that says what is wrong with it. */
export function parseOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: text,
      rounds: text,
      streams: text,
      'output-tokens': text,
      'prompt-words': text,
      threads: text,
      peer: text,
      model: text,
      mmproj: text,
      vserve: text,
      patience: text,
      cache: text,
      json: text,
      quick: { type: 'boolean', default: false },
    },
  });
  const { quick, model, mmproj } = values;
  if ((model === undefined) !== (mmproj === undefined)) throw new Error('--model and --mmproj go together.');
  return {
    only:
      values.only === undefined
        ? scenarioNames.filter((name) => !quick || !['album', 'gap', 'media'].includes(name))
        : values.only.split(',').map(scenarioName),
    rounds: count('--rounds', values.rounds ?? (quick ? '1' : '3')),
    streams: (values.streams ?? (quick ? '1,4' : '1,4,8,16')).split(',').map((value) => count('--streams', value)),
    outputTokens: count('--output-tokens', values['output-tokens'] ?? (quick ? '32' : '128')),
    promptWords: count('--prompt-words', values['prompt-words'] ?? '32'),
    threads: values.threads === undefined ? undefined : count('--threads', values.threads),
    quick,
    peerDir: values.peer,
    files: model === undefined || mmproj === undefined ? undefined : { modelPath: model, mmprojPath: mmproj },
    vservePath: values.vserve,
    patienceMs: 1000 * count('--patience', values.patience ?? (quick ? '1' : '30')),
    cacheDir: values.cache ?? join(envPaths('vserve', { suffix: '' }).cache, 'bench'),
    jsonPath: values.json ?? 'bench.json',
  };
}

function count(flag: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error(`${flag} takes whole numbers from 1, not "${value}".`);
  return Number(value);
}

function scenarioName(name: string): ScenarioName {
  const found = scenarioNames.find((candidate) => candidate === name);
  if (found === undefined) throw new Error(`--only knows ${scenarioNames.join(', ')}, not "${name}".`);
  return found;
}
