/** `vserve/backend/conformance`: whether a backend does as the specification says. */
import assert from 'node:assert/strict';
import type { Backend, LoadSettings, ModelFiles } from '../backend.ts';
import type { LoadedModel } from '../loaded-model.ts';
import { messageOf } from '../../errors/index.ts';
import { specificationVersion } from '../specification-version.ts';
import { answerTrials } from './answer-trials.ts';
import { endingTrials } from './ending-trials.ts';
import { generationTrials } from './generation-trials.ts';
import { infoTrials } from './info-trials.ts';
import { promptTrials } from './prompt-trials.ts';
import { plainSettings, QUESTION, textTurn } from './requests.ts';
import { stopTrials } from './stop-trials.ts';
import type { Trial } from './trial.ts';

export interface ConformanceOptions {
  /** The model; left out for a backend that needs none. */
  readonly files?: ModelFiles;
  /** Those that differ from the defaults of vserve's options. */
  readonly settings?: Partial<LoadSettings>;
  /** What the model is asked; it should answer with a dozen words or more. */
  readonly question?: string;
  /** Time for each case. */
  readonly timeoutMs?: number;
}

/** Something that a backend has to do. */
export interface ConformanceCase {
  readonly name: string;
  /** Throws if it does not. */
  readonly run: () => Promise<void>;
}

/** The cases for a backend, for any test runner. */
export interface Conformance {
  readonly cases: readonly ConformanceCase[];
  /** Cases about what the model lacks, which are left out. */
  readonly skipped: readonly { readonly name: string; readonly lack: string }[];
  /** Frees the model that the cases share. */
  readonly close: () => Promise<void>;
}

/** What became of a case. */
export interface ConformanceResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, or has failed. */
  readonly reason?: string;
}

const TRIALS: readonly Trial[] = [
  ...infoTrials,
  ...generationTrials,
  ...stopTrials,
  ...endingTrials,
  ...answerTrials,
  ...promptTrials,
];
const NO_FILES: ModelFiles = { modelPath: '', mmprojPath: undefined };
const DEFAULT_TIMEOUT_MS = 60_000;
/** A question this many times is an answer that lasts, from a model that repeats it. */
const REPETITIONS = 20;

/** Loads a model, and says what its backend has to do. Throws what loading throws. */
export async function openConformance(backend: Backend, options: ConformanceOptions = {}): Promise<Conformance> {
  const { files = NO_FILES, settings, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const load = (signal = new AbortController().signal): Promise<LoadedModel> =>
    backend.load(
      files,
      { ...plainSettings, ...settings },
      { signal, onProgress: () => undefined, log: () => undefined },
    );
  const model = await load();
  const question = options.question ?? QUESTION;
  const longer = model.info.capabilities.ignoreEos === true ? { ignoreEos: true } : {};
  const lengthy = longer.ignoreEos === true ? question : `${question} `.repeat(REPETITIONS);
  const subject = {
    model,
    load,
    ask: (changes = {}) => textTurn(question, changes),
    askLong: (changes = {}) => textTurn(lengthy, { maxTokens: undefined, ...longer, ...changes }),
  } satisfies Partial<Parameters<Trial['check']>[0]>;
  const lackOf = ({ needs = [] }: Trial) => needs.find(({ isMet }) => !isMet(model))?.lack;
  const isOfThisVersion: ConformanceCase = {
    name: 'it declares the version of the specification',
    // Also one in plain JavaScript, which no compiler has checked.
    run: () => Promise.resolve().then(() => assert.equal(backend.specificationVersion, specificationVersion)),
  };
  return {
    cases: [
      isOfThisVersion,
      ...TRIALS.filter((trial) => lackOf(trial) === undefined).map(({ name, check }) => ({
        name,
        run: () => inTime(timeoutMs, (signal) => check({ ...subject, signal })),
      })),
    ],
    skipped: TRIALS.flatMap((trial) => {
      const lack = lackOf(trial);
      return lack === undefined ? [] : [{ name: trial.name, lack }];
    }),
    close: () => model.close(),
  };
}

/** Tries all cases, one after another, and prints a line for each. Throws what loading the model throws. */
export async function runConformance(
  backend: Backend,
  options: ConformanceOptions & { readonly print?: (line: string) => void } = {},
): Promise<readonly ConformanceResult[]> {
  const { print = (line: string) => void process.stdout.write(`${line}\n`) } = options;
  const { cases, skipped, close } = await openConformance(backend, options);
  const results: ConformanceResult[] = [];
  const add = (result: ConformanceResult): void => {
    results.push(result);
    const { outcome, name, reason } = result;
    print(
      `${outcome.padEnd(8)}${name}${reason === undefined ? '' : `\n        ${reason.replaceAll('\n', '\n        ')}`}`,
    );
  };
  try {
    for (const { name, run } of cases) {
      const error = await run().then(
        () => undefined,
        (thrown: unknown) => thrown ?? 'It threw nothing at all.',
      );
      if (error === undefined) add({ name, outcome: 'passed' });
      else add({ name, outcome: 'failed', reason: messageOf(error) });
    }
    for (const { name, lack } of skipped) add({ name, outcome: 'skipped', reason: `The model has no ${lack}.` });
  } finally {
    await close();
  }
  const count = (outcome: ConformanceResult['outcome']): string =>
    `${String(results.filter((result) => result.outcome === outcome).length)} ${outcome}`;
  print(`${backend.name}: ${count('passed')}, ${count('failed')}, ${count('skipped')}`);
  return results;
}

/** Ends what takes too long: a generation that never ends is one of the things to find. */
async function inTime(timeoutMs: number, check: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new assert.AssertionError({ message: `It has not ended within ${String(timeoutMs / 1000)} s.` });
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    await Promise.race([check(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    // What the case has left running.
    controller.abort(new Error('The case has ended.'));
  }
}
