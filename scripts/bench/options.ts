import { join } from 'node:path';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import type { LoadSizes } from './bench.ts';
import { scenarioNames } from './scenarios/index.ts';
import type { ScenarioName } from './scenarios/index.ts';

export const usage = `Usage: npm run bench -- [options]

  --only <names>         scenarios, separated by commas: ${scenarioNames.join(', ')} (pictures only if named)
  --rounds <n>           how often each measurement alternates between the servers (3)
  --streams <n,…>        streams at a time (1,4,8,16)
  --output-tokens <n>    tokens of each answer (128)
  --prompt-words <n>     words of each prompt (32)
  --max-length <n>       tokens of a conversation (4096, or what the model has)
  --devices <devices>    vserve's devices (cpu); llama-server takes what its folder has kernels for
  --threads <n>          threads of each server (as many as vserve takes; fewer only on Linux)
  --quick                a smoke test: the embedded model, one round of small loads, without the scenarios that take long
  --peer <folder>        llama-server, llama-batched-bench and llama-quantize, already built
  --model, --mmproj      a GGUF pair of your own instead of the random model
  --vserve <path>        another checkout's bin/vserve.js
  --patience <seconds>   how long to wait for a quiet machine before each measurement (30)
  --cache <folder>       where the peer's build and the models are kept
  --json <path>          where the raw figures go (bench.json)`;

/** They need a model that takes its time. */
const notQuick: readonly ScenarioName[] = [
  'structured',
  'behind',
  'album',
  'hybrid',
  'agent',
  'gap',
  'media',
  'busy',
  'tenants',
];

export interface Options extends LoadSizes {
  readonly only: readonly ScenarioName[];
  readonly threads: number | undefined;
  readonly quick: boolean;
  readonly devices: string;
  readonly maxLength: number | undefined;
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
      devices: text,
      'max-length': text,
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
        ? scenarioNames.filter((name) => name !== 'pictures' && (!quick || !notQuick.includes(name)))
        : values.only.split(',').map(scenarioName),
    rounds: count('--rounds', values.rounds ?? (quick ? '1' : '3')),
    streams: (values.streams ?? (quick ? '1,4' : '1,4,8,16')).split(',').map((value) => count('--streams', value)),
    outputTokens: count('--output-tokens', values['output-tokens'] ?? (quick ? '32' : '128')),
    promptWords: count('--prompt-words', values['prompt-words'] ?? '32'),
    threads: values.threads === undefined ? undefined : count('--threads', values.threads),
    quick,
    devices: values.devices ?? 'cpu',
    maxLength: values['max-length'] === undefined ? undefined : count('--max-length', values['max-length']),
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
