import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Endpoint } from '../client/index.ts';
import { chat, endpointAt, servedModel } from '../client/index.ts';
import { fileFault, VserveError } from '../errors/index.ts';
import { maxBenchmarkFlags, options } from '../settings/index.ts';
import type { SettingName, Settings } from '../settings/index.ts';
import { hideSecretFlags } from './access-settings.ts';
import { requestFields, samplingSettingNames } from './ask/request-fields.ts';
import { chart } from './benchmark/chart.ts';
import { makeConversations } from './benchmark/conversations.ts';
import type { Conversation } from './benchmark/conversations.ts';
import { seeded } from './benchmark/random.ts';
import { reportOf, reportText } from './benchmark/report.ts';
import type { Counted } from './benchmark/report.ts';
import { runBenchmark } from './benchmark/run.ts';
import type { Run } from './benchmark/run.ts';
import { showValue } from './configuration.ts';
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
  'numChatSessions',
  'maxConcurrentConversations',
  'randomNumTurns',
  'delayBetweenChatTurns',
  'chatWarmupDelayMs',
  'ignoreFirstTurnStats',
  'skipFirstNRequests',
  'skipLastNRequests',
  'requestRate',
  'burstiness',
  'maxConcurrency',
  'datasetName',
  'datasetPath',
  'randomInputLen',
  'randomOutputLen',
  'randomRangeRatio',
  'randomSysPromptRatio',
  'randomMaxNumUniqueSysPrompt',
  'warmSharedPrefix',
  'imageFraction',
  'imageCount',
  'imageLongSide',
  'imageAspectRatio',
  'randomImageSize',
  'maxBenchmarkDurationS',
  'outputJson',
  'metadata',
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
  vserve benchmark --num-chat-sessions 8 --random-num-turns 4 \\
    --random-input-len "N(300,50);N(40,10)"
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
  const endpoint = await endpointAt(addressOf(settings.url, place), settings.apiKey[0]);
  const fields = await requestFields({ ...settings, seed: undefined });
  const seed = settings.seed ?? 0;
  const model = settings.model ?? (await servedModel(endpoint, signal));
  const conversations = await makeConversations(settings, seed);
  await warmUp(endpoint, conversations, { fields: { ...fields, model }, settings, signal });
  const counted = countedBy(settings);
  const runs: Run[] = [];
  for (const [place, { maxConcurrency, requestRate }] of loadsOf(settings).entries()) {
    // New ones, since a cache has those of the run before.
    const asked = place === 0 ? conversations : await makeConversations(settings, seed + place);
    const shown = { endpoint, fields: { ...fields, model }, maxConcurrency, requestRate, settings };
    const run = await runShown(asked, shown, context);
    runs.push(run);
    output.print(`${place === 0 ? '' : '\n'}${reportText(reportOf(run, counted), output.columns())}`);
    tellFailures(run, context);
  }
  await write(runs, { settings, model, url: endpoint.name }, context);
  if (runs.every(({ requests }) => requests.every(({ error }) => error !== undefined))) {
    throw new VserveError('generation_failed', 'No request was answered.');
  }
}

/** What each run asks of the server: all limits with all rates. */
function loadsOf({
  maxConcurrency,
  requestRate,
}: BenchmarkSettings): readonly Pick<Run, 'maxConcurrency' | 'requestRate'>[] {
  const limits = maxConcurrency.length === 0 ? [undefined] : maxConcurrency;
  return requestRate.flatMap((rate) => limits.map((limit) => ({ maxConcurrency: limit, requestRate: rate })));
}

function countedBy({ skipFirstNRequests, skipLastNRequests, ignoreFirstTurnStats }: BenchmarkSettings): Counted {
  return { skipFirst: skipFirstNRequests, skipLast: skipLastNRequests, ignoreFirstTurns: ignoreFirstTurnStats };
}

interface WarmUp {
  readonly fields: { readonly model: string };
  readonly settings: Pick<BenchmarkSettings, 'numWarmups' | 'warmSharedPrefix'>;
  readonly signal: AbortSignal;
}

/** Asks what is not measured: the first question, as often as wanted, and each shared beginning once. */
async function warmUp(
  endpoint: Endpoint,
  conversations: readonly Conversation[],
  { fields, settings, signal }: WarmUp,
): Promise<void> {
  const [first] = conversations;
  const [turn] = first?.turns ?? [];
  if (first === undefined || turn === undefined) return;
  const request = { ...fields, messages: [...first.system, turn.message], max_tokens: turn.maxTokens };
  for (let run = 0; run < settings.numWarmups; run += 1) await chat(endpoint, request, { signal });
  if (!settings.warmSharedPrefix) return;
  const prefixes = new Map(conversations.map(({ system }) => [JSON.stringify(system), system]));
  for (const system of prefixes.values()) {
    if (system.length === 0) continue;
    const messages = [...system, { role: 'user', content: 'Hello' } as const];
    await chat(endpoint, { ...fields, messages, max_tokens: 1 }, { signal });
  }
}

interface ShownRun extends Pick<Run, 'maxConcurrency' | 'requestRate'> {
  readonly endpoint: Endpoint;
  readonly fields: { readonly model: string };
  readonly settings: BenchmarkSettings;
}

async function runShown(
  conversations: readonly Conversation[],
  { settings, ...run }: ShownRun,
  { output, signal }: Context,
): Promise<Run> {
  const task = output.startTask();
  const requests = conversations.reduce((count, { turns }) => count + turns.length, 0);
  const show = (ended: number): void => task.update(`Benchmark: ${requests} requests`, ended / requests);
  show(0);
  try {
    const duration = settings.maxBenchmarkDurationS;
    return await runBenchmark(conversations, {
      ...run,
      maxConversations: settings.maxConcurrentConversations,
      burstiness: settings.burstiness,
      startDelayMs: settings.chatWarmupDelayMs,
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
      () =>
        JSON.stringify(
          { url, model, ...described(settings), runs: runs.map((run) => runJson(run, countedBy(settings))) },
          undefined,
          2,
        ),
    ],
    [settings.outputSvg, () => chart(runs, `${model} at ${url}`)],
  ] as const;
  for (const [path, content] of files) {
    if (path === undefined) continue;
    await writeFile(path, `${content().trimEnd()}\n`).catch((cause: unknown) => {
      throw new VserveError('invalid_setting', `${path} cannot be written: ${fileFault(cause)}`, { cause });
    });
    output.note(`Wrote ${printable(path)}.`);
  }
}

/** The settings that decide what is measured, as they are printed: not the key, nor where the report goes. */
function described({ metadata, ...settings }: BenchmarkSettings): object {
  const hidden = ['apiKey', 'url', 'model', 'configFile', 'logLevel', 'outputJson', 'outputSvg'];
  const measured = Object.entries(settings)
    .filter(([name]) => !hidden.includes(name))
    .map(([name, value]) => [name, isPlain(value) ? value : showValue(value, options[name as SettingName].kind)]);
  const facts = metadata.map((fact) => [fact.slice(0, fact.indexOf('=')), fact.slice(fact.indexOf('=') + 1)]);
  return {
    date: new Date().toISOString(),
    ...(facts.length === 0 ? {} : { metadata: Object.fromEntries(facts) }),
    settings: Object.fromEntries(measured),
  };
}

/** Whether JSON has such values; it has no Infinity. */
function isPlain(value: unknown): boolean {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.every((item) => (typeof item !== 'object' || item === null) && item !== Infinity);
}

function runJson(run: Run, counted: Counted): object {
  return { ...reportOf(run, counted), requests: run.requests };
}
