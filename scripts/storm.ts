/**
 * Sends tiny models of eight families the requests of many clients at once, over documents and pictures that they share,
 * with cancels, too few cells, tiny steps and closes in the middle, and compares each answer, token by token and logit by
 * logit, with the one computed alone and from its beginning.
 *
 *     node --expose-gc dist/scripts/storm.js [--requests 2000] [--seed 1] [--families shapes-vlm,lfm2-vl-tiny] [--round 3]
 *         [--busy 2]
 *
 * What is sent depends on the seed alone. Each family has rounds of 80 requests, each round an engine of another shape;
 * `--round` repeats one. `--busy` has so many programs keep a CPU busy each: more cancels fall in the middle of steps then.
 * Prints a line for each round. The last line is JSON: {"requests", "answered", "cancelled", "closed", "preempted",
 * "promptTokens", "cachedTokens", "ties", "wrong", "failures", "leftBehind", "rssBytes": [after a quarter, half, all]}.
 * Exits with 1 if an answer was wrong, failed, or left something behind.
 */
import { join } from 'node:path';
import { loadNativeAddon } from '../backends/node-llama-cpp/addon-loader.ts';
import { parseDevices } from '../backends/node-llama-cpp/devices.ts';
import { startLlama } from '../backends/node-llama-cpp/llama-model.ts';
import { convertFamily, embeddedModel, stormFamilies } from '../test/engine/storm/families.ts';
import type { ConvertedFamily } from '../test/engine/storm/families.ts';
import { storm } from '../test/engine/storm/storm.ts';
import type { StormReport } from '../test/engine/storm/storm.ts';
import { scriptArguments, usageError } from './arguments.ts';
import { besideBusyPrograms } from './bench/busy-programs.ts';

const requestsPerRound = 80;
const { values } = scriptArguments({
  options: {
    requests: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    families: { type: 'string', default: Object.keys(stormFamilies).join(',') },
    round: { type: 'string' },
    busy: { type: 'string', default: '0' },
  },
});
const families = values.families.split(',');
const unknown = families.find((name) => !(name in stormFamilies));
if (unknown !== undefined)
  usageError(`There is no family ${unknown}. There are: ${Object.keys(stormFamilies).join(', ')}.`);
const busy = Number(values.busy);
if (!Number.isInteger(busy) || busy < 0) usageError(`--busy takes a number of programs, not ${values.busy}.`);
if (global.gc === undefined) usageError('--expose-gc is required');
const rounds =
  values.round === undefined
    ? Array.from({ length: Math.ceil(Number(values.requests) / requestsPerRound / families.length) }, (_, i) => i)
    : [Number(values.round)];

const shapesDir = join(import.meta.dirname, '..', '..', 'test', 'models', embeddedModel);
const converted = new Map<string, ConvertedFamily>();
const reports: StormReport[] = [];
const rssBytes: number[] = [];
for (const round of rounds) {
  for (const family of families) {
    const { files } = await convertedFamily(family);
    const options = { family, files, seed: Number(values.seed), round, requests: requestsPerRound };
    const report = await besideBusyPrograms(busy, () => storm(options));
    reports.push(report);
    console.log(lineOf(family, round, report));
    for (const wrong of report.wrong) console.log(`  ${wrong}`);
  }
  // Round by round: in the first ones the models are loaded for the first time.
  if ([0.25, 0.5, 1].some((part) => round === rounds[Math.ceil(rounds.length * part) - 1])) {
    global.gc();
    await returnFreeMemory();
    rssBytes.push(process.memoryUsage.rss());
  }
}
for (const family of converted.values()) await family.remove();

const sumOf = (count: (report: StormReport) => number): number =>
  reports.reduce((sum, report) => sum + count(report), 0);
const failures: Record<string, number> = {};
for (const [code, count] of reports.flatMap((report) => Object.entries(report.failures))) {
  failures[code] = (failures[code] ?? 0) + count;
}
const total = {
  requests: sumOf(({ requests }) => requests),
  answered: sumOf(({ answered }) => answered),
  cancelled: sumOf(({ cancelled }) => cancelled),
  closed: sumOf(({ closed }) => closed),
  preempted: sumOf(({ preempted }) => preempted),
  promptTokens: sumOf(({ promptTokens }) => promptTokens),
  cachedTokens: sumOf(({ cachedTokens }) => cachedTokens),
  ties: sumOf(({ ties }) => ties),
  wrong: sumOf(({ wrong }) => wrong.length),
  failures,
  leftBehind: sumOf(({ leftBehind }) => leftBehind),
  rssBytes,
};
console.log(JSON.stringify(total));
process.exitCode = total.wrong + total.leftBehind > 0 ? 1 : 0;

/** As a server does now and then: what is freed stays with the process otherwise. */
async function returnFreeMemory(): Promise<void> {
  const options = { log: () => undefined, signal: new AbortController().signal };
  await loadNativeAddon(await startLlama(parseDevices('cpu'), options)).returnFreeMemory();
}

async function convertedFamily(name: string): Promise<ConvertedFamily> {
  const family = converted.get(name) ?? (await convertFamily(name, name === embeddedModel ? shapesDir : undefined));
  converted.set(name, family);
  return family;
}

function lineOf(family: string, round: number, report: StormReport): string {
  const { shape, wrong, answered, requests, cancelled, closed, preempted, ties, greatestRounding } = report;
  const { maxSequences, contextCells, separateCells, batchTokens, kvCacheFormat, kvCopyBytes, enablePrefixCaching } =
    shape;
  const layout = `${maxSequences} places, ${contextCells} cells ${separateCells ? 'each' : 'shared'}, steps of ${batchTokens}, ${kvCacheFormat}, ${enablePrefixCaching ? `copies ${kvCopyBytes / 1e6} MB` : 'no prefix cache'}`;
  const cached = Math.round((report.cachedTokens / Math.max(1, report.promptTokens)) * 100);
  return (
    `${family} ${round} (${layout}): ${requests} requests, ${answered} answered, ${cancelled} cancelled, ${closed} closed, ` +
    `${preempted} preempted, ${cached} % cached, ${ties} ties, rounding ${greatestRounding.toFixed(4)}, ${wrong.length} wrong`
  );
}
