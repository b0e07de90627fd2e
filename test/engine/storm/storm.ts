import type { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { ModelFiles, GenerateRequest } from '../../../src/backend/index.ts';
import type { Answer } from './answer.ts';
import { traced } from './answer.ts';
import { Choices } from './choices.ts';
import { loadShaped, plainShape, stormyShape } from './engine-shape.ts';
import type { EngineShape } from './engine-shape.ts';
import { stormFamilies } from './families.ts';
import { judge } from './judge.ts';
import { continued, makeWorld, openingOf, saltOf, settingsOf } from './traffic.ts';
import type { World } from './traffic.ts';

export interface StormOptions {
  /** One of `stormFamilies`. */
  readonly family: string;
  readonly files: ModelFiles;
  readonly seed: number;
  /** Which round: each has an engine of another shape. */
  readonly round: number;
  readonly requests: number;
}

export interface StormReport {
  readonly shape: EngineShape;
  requests: number;
  /** Answers: a request may have asked for several. */
  answered: number;
  cancelled: number;
  /** Requests that a close in the middle ended. */
  closed: number;
  preempted: number;
  promptTokens: number;
  cachedTokens: number;
  /** Answers that go another way than alone from a token on that was as likely as the other. */
  ties: number;
  /** The greatest difference of logits that counts as rounding. */
  greatestRounding: number;
  /** What is wrong, by request. */
  readonly wrong: string[];
  /** Errors of requests that can be answered alone, by code. */
  readonly failures: Record<string, number>;
  /** Sequences still running or queued when every client had gone. */
  leftBehind: number;
}

interface Sent {
  readonly name: string;
  /** For this answer alone. */
  readonly request: GenerateRequest;
  readonly answer: Answer;
}

/** Counts the events of all clients: a close and cancels happen at a moment of this clock, not at a time. */
interface Clock {
  events: number;
}

/**
 * Sends an engine of random shape the requests of many clients at once: conversations that begin alike, pictures, cancels,
 * a reset, perhaps a close in the middle. Then asks for each answer again, alone and from its beginning, and compares.
 */
export async function storm({ family, files, seed, round, requests }: StormOptions): Promise<StormReport> {
  const known = stormFamilies[family];
  if (known === undefined) throw new Error(`There is no family ${family}`);
  const { maxLength, precisions } = known;
  const choices = new Choices(seed, family, round);
  const precision = choices.pick(precisions);
  const shape = stormyShape(maxLength, precision, choices);
  const report = emptyReport(shape);
  const plain = await loadShaped(files, plainShape(maxLength, precision));
  try {
    const world = await makeWorld(plain, maxLength, new Choices(seed, family));
    const sent = await rain(files, world, { choices, report, requests, seed: [seed, family, round] });
    await compare(sent, plain, precision.rounding, report);
  } finally {
    await plain.close();
  }
  return report;
}

interface Rain {
  readonly choices: Choices;
  readonly report: StormReport;
  readonly requests: number;
  readonly seed: readonly (number | string)[];
}

async function rain(files: ModelFiles, world: World, { choices, report, requests, seed }: Rain): Promise<Sent[]> {
  const model = await loadShaped(files, report.shape);
  const clients = choices.integer(2, 24);
  const clock: Clock = { events: 0 };
  const closeAt = choices.chance(0.1) ? choices.integer(1, requests * 10) : Infinity;
  const sent: Sent[] = [];
  const closeWhenDue = (): void => {
    if (clock.events++ === closeAt) void model.close();
  };
  const work = Array.from({ length: clients }, (_, i) => {
    const share = Math.floor(requests / clients) + (i < requests % clients ? 1 : 0);
    return client(model, world, {
      name: `client ${i}`,
      choices: new Choices(...seed, 'client', i),
      requests: share,
      report,
      sent,
      onEvent: closeWhenDue,
    });
  });
  await Promise.all(work);
  await quiet(model);
  report.preempted += model.work()?.preemptions ?? 0;
  const { sequencesRunning, sequencesQueued } = model.stats();
  report.leftBehind += sequencesRunning + sequencesQueued;
  await model.close();
  return sent;
}

interface Client {
  readonly name: string;
  readonly choices: Choices;
  readonly requests: number;
  readonly report: StormReport;
  readonly sent: Sent[];
  readonly onEvent: () => void;
}

/** One conversation after the other, each over some turns, until the client's requests are sent. */
async function client(model: LoadedLlama, world: World, given: Client): Promise<void> {
  const { name, choices, requests, report, sent, onEvent } = given;
  let messages = openingOf(world, choices);
  let cacheSalt = saltOf(choices);
  for (let i = 0; i < requests; i++) {
    const request: GenerateRequest = { messages, cacheSalt, ...settingsOf(choices) };
    const cancelAt = choices.chance(0.25) ? choices.integer(0, 10) : Infinity;
    if (choices.chance(0.02)) model.resetPrefixCache();
    report.requests++;
    const answers = await askOrCancel(model, request, cancelAt, onEvent);
    const [answer] = answers;
    if (answer === undefined) report.cancelled++;
    else if ('code' in answer && answer.code === 'model_closed') report.closed++;
    else sent.push(...sentFor(request, answers, `${name}, request ${i}`));
    if (choices.chance(0.5) && answer !== undefined && !('code' in answer)) {
      messages = continued(messages, answer.text, world, choices);
    } else {
      messages = openingOf(world, choices);
      cacheSalt = saltOf(choices);
    }
  }
}

/** Each answer, with a request that it alone is the answer to. */
function sentFor(request: GenerateRequest, answers: readonly Answer[], name: string): Sent[] {
  const { seed } = request.sampling;
  return answers.map((answer, i) => {
    const sampling = seed === undefined ? request.sampling : { ...request.sampling, seed: seed + i };
    return { name: `${name}, answer ${i}`, request: { ...request, choices: 1, sampling }, answer };
  });
}

/** Cancels at the `cancelAt`th event of the answers, of which there are none then; at 0, while the prompt is built. */
async function askOrCancel(
  model: LoadedLlama,
  request: GenerateRequest,
  cancelAt: number,
  onEvent: () => void,
): Promise<readonly Answer[]> {
  const controller = new AbortController();
  let events = 0;
  if (cancelAt === 0) setImmediate(() => controller.abort());
  try {
    return await traced(model, request, controller.signal, () => {
      onEvent();
      if (++events === cancelAt) controller.abort();
    });
  } catch (error) {
    if (controller.signal.aborted) return [];
    throw error;
  }
}

/** Waits, turn by turn of the event loop, until the engine has dropped what was cancelled. */
async function quiet(model: LoadedLlama): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    const { sequencesRunning, sequencesQueued } = model.stats();
    if (sequencesRunning + sequencesQueued === 0 || performance.now() > deadlineMs) return;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

async function compare(
  sent: readonly Sent[],
  plain: LoadedLlama,
  rounding: number,
  report: StormReport,
): Promise<void> {
  const { signal } = new AbortController();
  const known = new Map<string, Answer>();
  for (const { name, request, answer } of sent) {
    const key = JSON.stringify(request, (field, value: unknown) => (field === 'rgb' ? undefined : value));
    const alone = known.get(key) ?? (await traced(plain, request, signal))[0];
    if (alone === undefined) throw new Error('There is no answer');
    known.set(key, alone);
    const verdict = judge(answer, alone, rounding);
    if (verdict.kind === 'wrong') report.wrong.push(`${name}: ${verdict.reason}`);
    else report.greatestRounding = Math.max(report.greatestRounding, verdict.difference);
    if (verdict.kind === 'tie') report.ties++;
    if ('code' in answer) {
      if (!('code' in alone)) report.failures[answer.code] = (report.failures[answer.code] ?? 0) + 1;
      continue;
    }
    report.answered++;
    report.promptTokens += answer.promptTokens;
    report.cachedTokens += answer.cachedTokens;
  }
}

function emptyReport(shape: EngineShape): StormReport {
  return {
    shape,
    requests: 0,
    answered: 0,
    cancelled: 0,
    closed: 0,
    preempted: 0,
    promptTokens: 0,
    cachedTokens: 0,
    ties: 0,
    greatestRounding: 0,
    wrong: [],
    failures: {},
    leftBehind: 0,
  };
}
