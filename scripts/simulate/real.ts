import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { createOpenAiBackend } from '../../backends/openai/index.ts';
import { SAMPLING_DEFAULTS, GENERATION_DEFAULTS } from '../../src/api/request-defaults.ts';
import type { GenerateRequest, LoadedModel, UpstreamPolicy } from '../../src/backend/index.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';
import { Random } from '../soak/random.ts';
import { Replica, usualServiceMs } from './replica.ts';
import { firstHistoryTokens, keyOf, meanAnswerTokens, meanTurns, Users } from './users.ts';
import type { Turn } from './users.ts';

export interface RealOptions {
  readonly replicas: number;
  readonly policy: UpstreamPolicy;
  readonly requests: number;
  readonly load: number;
  readonly seed: number;
  /** How much faster than the replicas' own the clock goes. */
  readonly speed: number;
}

/** Turns that had one before, and those of them that found it cached. */
interface Hits {
  laterTurns: number;
  cached: number;
}

export interface MeasuredReal {
  /** Sorted, in milliseconds of the replicas. */
  readonly ttftMs: Float64Array;
  /** Of turns that had one before, those that found it cached. */
  readonly prefixHits: number;
}

/**
 * The same as a simulation without failures, in real time: the upstream backend before HTTP servers that take as long as
 * replicas do.
 */
export async function measureReal(options: RealOptions): Promise<MeasuredReal> {
  const hits: Hits = { laterTurns: 0, cached: 0 };
  const servers = await Promise.all(
    Array.from({ length: options.replicas }, (_, i) => serveReplica(i, options.speed, hits)),
  );
  const model = await createOpenAiBackend().load(
    { modelPath: '', mmprojPath: undefined },
    {
      ...defaultLoadSettings,
      upstreams: servers.map((server) => `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`),
      upstreamPolicy: options.policy,
      maxBatchSize: new Replica(0).capacity,
    },
    { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
  );
  try {
    const ttftMs = await askAll(model, options);
    return { ttftMs, prefixHits: hits.cached / Math.max(1, hits.laterTurns) };
  } finally {
    await model.close();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

async function serveReplica(index: number, speed: number, hits: Hits): Promise<Server> {
  const replica = new Replica(index);
  const server = createServer((request, response) => {
    if (request.method === 'GET') answerJson(response, { data: [{ id: 'replica', owned_by: 'simulation' }] });
    else void generate(replica, { speed, hits }, request, response);
  });
  // One that closes connections might do so as a request comes on one.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function answerJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function generate(
  replica: Replica,
  { speed, hits }: { speed: number; hits: Hits },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = JSON.parse(await text(request)) as { messages: { content: string }[] };
  const turn = JSON.parse(body.messages.at(-1)?.content ?? '') as Turn;
  const nowMs = performance.now() * speed;
  const { firstTokenAtMs, endsAtMs, hadPrefix } = replica.begin(turn, nowMs);
  if (turn.historyTokens > firstHistoryTokens) {
    hits.laterTurns += 1;
    if (hadPrefix) hits.cached += 1;
  }
  await delay((firstTokenAtMs - nowMs) / speed);
  const write = (chunk: object): void => void response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  write({ choices: [{ index: 0, delta: { content: 'x' } }] });
  await delay((endsAtMs - firstTokenAtMs) / speed);
  replica.end();
  write({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  response.end('data: [DONE]\n\n');
}

async function askAll(
  model: LoadedModel,
  { replicas, load, requests, seed, speed }: RealOptions,
): Promise<Float64Array> {
  const users = new Users(new Random(seed + 1));
  const places = replicas * new Replica(0).capacity;
  const perSecond = (1000 * load * places) / (meanTurns * usualServiceMs(meanAnswerTokens));
  const ttftMs: number[] = [];
  const running = new Set<Promise<void>>();
  let asked = 0;
  async function converse(first: Turn): Promise<void> {
    for (let turn: Turn | undefined = first; turn !== undefined && asked < requests;) {
      asked += 1;
      const isWarm = asked > requests / 10;
      const tookMs = (await firstTokenMs(model, turn)) * speed;
      if (isWarm) ttftMs.push(tookMs);
      const then = users.next(turn);
      if (then === undefined) return;
      await delay(then.thinkMs / speed);
      turn = then.turn;
    }
  }
  while (asked < requests) {
    await delay(users.gapMs(perSecond) / speed);
    const conversation = converse(users.arrive());
    running.add(conversation);
    void conversation.then(() => running.delete(conversation));
  }
  await Promise.all(running);
  return Float64Array.from(ttftMs).sort();
}

/** From the question to the first text of its answer, which is read to its end. */
async function firstTokenMs(model: LoadedModel, turn: Turn): Promise<number> {
  const askedAtMs = performance.now();
  let firstAtMs = 0;
  for await (const { type } of model.generate(requestOf(turn), new AbortController().signal)) {
    if (type === 'text-delta') firstAtMs = performance.now();
  }
  return firstAtMs - askedAtMs;
}

/** The first message decides the affinity, the last one tells the replica what it is. */
function requestOf(turn: Turn): GenerateRequest {
  return {
    ...GENERATION_DEFAULTS,
    messages: [keyOf(turn), JSON.stringify(turn)].map((text) => ({ role: 'user', content: [{ type: 'text', text }] })),
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    sampling: SAMPLING_DEFAULTS,
    askedSampling: {},
  };
}
