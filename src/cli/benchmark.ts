import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Endpoint } from '../client/index.ts';
import { chat, endpointAt, servedModel } from '../client/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';
import { maxBenchmarkFlags } from '../settings/index.ts';
import type { Settings } from '../settings/index.ts';
import { hideSecretFlags } from './access-settings.ts';
import { requestFields, samplingSettingNames } from './ask/request-fields.ts';
import { chart } from './benchmark/chart.ts';
import { makeQuestions } from './benchmark/questions.ts';
import type { Question } from './benchmark/questions.ts';
import { seeded } from './benchmark/random.ts';
import { reportOf, reportText } from './benchmark/report.ts';
import { runBenchmark } from './benchmark/run.ts';
import type { Run } from './benchmark/run.ts';
import type { Context } from './context.ts';
import { addMaxFlags, tellMaxFlags } from './max-flags.ts';
import { printable } from './printable.ts';
import { addSettingFlags } from './setting-flags.ts';
import { modelArgument, verbSettings } from './verb-settings.ts';

const DEFAULT_URL = 'http://localhost:8000';

const settingNames = [
  'url',
  'model',
  'apiKey',
  'numPrompts',
  'requestRate',
  'maxConcurrency',
  'datasetName',
  'datasetPath',
  'randomInputLen',
  'randomOutputLen',
  'randomRangeRatio',
  'imageFraction',
  'imageCount',
  'imageLongSide',
  'imageAspectRatio',
  'maxBenchmarkDurationS',
  'outputJson',
  'outputSvg',
  'numWarmups',
  'configFile',
  'logLevel',
  ...samplingSettingNames,
] as const;

type BenchmarkSettings = Pick<Settings, (typeof settingNames)[number]>;

const AFTER_HELP = `
Without --url, the server at ${DEFAULT_URL} is measured: any server of the OpenAI
API will do. Prompts differ from request to request, so that no cache has them.

Examples:
  vserve benchmark --num-prompts 64 --max-concurrency 1,4,16
  vserve benchmark --image-fraction 1 --image-long-side 1024 \\
    --random-input-len 32 --output-json report.json --output-svg report.svg`;

/** Makes `command` the verb `benchmark`. */
export function define(command: Command, context: Context): void {
  command
    .argument('[model]', 'The same as --model: by default the first that the server lists')
    .option('--host <host>', 'Host of the server, in place of --url')
    .option('--port <port>', 'Port of the server, in place of --url');
  addSettingFlags(
    command,
    // What the lengths of the benchmark decide.
    settingNames.filter((name) => !['maxNewTokens', 'minNewTokens'].includes(name)),
  );
  addMaxFlags(command, maxBenchmarkFlags());
  command.addHelpText('after', AFTER_HELP);
  command.action((model: string | undefined, place: Place) => benchmark(command, model, place, context));
}

/** Where a server is, as `max benchmark` takes it. */
interface Place {
  readonly host?: string;
  readonly port?: string;
}

/** The address of the server. Throws `invalid_setting` where it is given twice. */
function addressOf(url: string | undefined, { host, port }: Place): string {
  if (host === undefined && port === undefined) return url ?? DEFAULT_URL;
  const address = `http://${host ?? 'localhost'}:${port ?? '8000'}`;
  if (url === undefined && URL.canParse(address)) return address;
  const message =
    url === undefined ? `There is no ${address}: check --host and --port.` : 'Give --url, or --host and --port.';
  throw new VserveError('invalid_setting', message, { param: 'url' });
}

async function benchmark(
  command: Command,
  argument: string | undefined,
  place: Place,
  context: Context,
): Promise<void> {
  const { output, signal } = context;
  const { settings, origins } = await verbSettings(command, settingNames, context, modelArgument(command, argument));
  hideSecretFlags(origins, 'benchmark');
  tellMaxFlags(command, output, maxBenchmarkFlags());
  const endpoint = endpointAt(addressOf(settings.url, place), settings.apiKey[0]);
  const fields = await requestFields({ ...settings, seed: undefined });
  const seed = settings.seed ?? 0;
  const model = settings.model ?? (await servedModel(endpoint, signal));
  const questions = await makeQuestions(settings, seed);
  await warmUp(endpoint, questions, { ...fields, model }, settings.numWarmups, signal);
  const limits = settings.maxConcurrency.length === 0 ? [undefined] : settings.maxConcurrency;
  const runs: Run[] = [];
  for (const [place, maxConcurrency] of limits.entries()) {
    // New ones, since a cache has those of the run before.
    const asked = place === 0 ? questions : await makeQuestions(settings, seed + place);
    const run = await runShown(asked, { endpoint, fields: { ...fields, model }, maxConcurrency, settings }, context);
    runs.push(run);
    output.print(`${place === 0 ? '' : '\n'}${reportText(reportOf(run))}`);
    tellFailures(run, context);
  }
  await write(runs, { settings, model, url: endpoint.name }, context);
  if (runs.every(({ requests }) => requests.every(({ error }) => error !== undefined))) {
    throw new VserveError('generation_failed', 'No request was answered.');
  }
}

async function warmUp(
  endpoint: Endpoint,
  [question]: readonly Question[],
  fields: { readonly model: string },
  count: number,
  signal: AbortSignal,
): Promise<void> {
  if (question === undefined) return;
  const { message, maxTokens } = question;
  for (let run = 0; run < count; run += 1) {
    await chat(endpoint, { ...fields, messages: [message], max_tokens: maxTokens }, { signal });
  }
}

interface ShownRun {
  readonly endpoint: Endpoint;
  readonly fields: { readonly model: string };
  readonly maxConcurrency: number | undefined;
  readonly settings: BenchmarkSettings;
}

async function runShown(
  questions: readonly Question[],
  { settings, ...run }: ShownRun,
  { output, signal }: Context,
): Promise<Run> {
  const task = output.startTask();
  const show = (ended: number): void =>
    task.update(`Benchmark: ${questions.length} requests`, ended / questions.length);
  show(0);
  try {
    const duration = settings.maxBenchmarkDurationS;
    return await runBenchmark(questions, {
      ...run,
      requestRate: settings.requestRate,
      random: seeded(settings.seed ?? 0),
      maxDurationMs: duration === undefined ? undefined : duration * 1000,
      onEnd: show,
      signal,
    });
  } finally {
    task.end();
  }
}

/** The reasons, each once. */
function tellFailures({ requests }: Run, { output }: Context): void {
  const reasons = new Map<string, number>();
  for (const { error } of requests) if (error !== undefined) reasons.set(error, (reasons.get(error) ?? 0) + 1);
  for (const [reason, count] of reasons) output.log('warning', `${count} failed: ${reason}`);
}

interface Measured {
  readonly settings: BenchmarkSettings;
  readonly model: string;
  readonly url: string;
}

async function write(runs: readonly Run[], { settings, model, url }: Measured, { output }: Context): Promise<void> {
  const files = [
    [
      settings.outputJson,
      () => JSON.stringify({ url, model, ...described(settings), runs: runs.map(runJson) }, undefined, 2),
    ],
    [settings.outputSvg, () => chart(runs, `${model} at ${url}`)],
  ] as const;
  for (const [path, content] of files) {
    if (path === undefined) continue;
    await writeFile(path, `${content().trimEnd()}\n`).catch((cause: unknown) => {
      throw new VserveError('invalid_setting', `${path} cannot be written: ${messageOf(cause)}`, { cause });
    });
    output.note(`Wrote ${printable(path)}.`);
  }
}

/** The settings that decide what is measured: not the key, nor where the report goes. */
function described(settings: BenchmarkSettings): object {
  const hidden = ['apiKey', 'url', 'model', 'configFile', 'logLevel', 'outputJson', 'outputSvg'];
  const measured = Object.entries(settings)
    .filter(([name]) => !hidden.includes(name))
    // JSON has no Infinity.
    .map(([name, value]) => [name, value === Infinity ? 'inf' : value]);
  return { date: new Date().toISOString(), settings: Object.fromEntries(measured) };
}

function runJson(run: Run): object {
  return { ...reportOf(run), requests: run.requests };
}
