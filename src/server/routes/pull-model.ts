import type { Context, Handler } from 'hono';
import { isJsonObject } from '../../api/index.ts';
import { ollamaErrors, readModelName } from '../../api/ollama/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { ApiKeys } from '../api-keys.ts';
import { bodyLimits } from '../body-limits.ts';
import { sendable } from '../event-stream.ts';
import { readJsonBody } from '../request-body.ts';
import { requireManager, requirePuller } from '../require-key.ts';
import type { RouteOptions } from '../route-options.ts';
import type { LoadingProgress } from '../server-state.ts';
import { heartbeats, streamHeaders } from '../stream.ts';

/** What a client is told while it waits. */
interface Status {
  readonly status: string;
}

/** What names of the Hub may begin with, and end with, for Ollama's clients. */
const HUB = /^(?:hf\.co|huggingface\.co)\/|:latest$/g;

/**
 * Ollama's `POST /api/pull`. A model that is served is loaded, if it is not in memory. Another one is downloaded, converted and
 * served from then on, for keys that may.
 */
export function pullRoute(options: RouteOptions, keys: ApiKeys): Handler<RequestContext> {
  const { models, settings } = options;
  return async (context) => {
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    let isStreaming = false;
    try {
      const { signal } = active;
      const { value, release } = await readJsonBody(incoming, { ...bodyLimits(options), cpus: options.cpus, signal });
      release();
      const [only] = models.isManaged ? [] : models.entries;
      const read = { allowExtraFields: settings.allowExtraRequestFields };
      const name = readModelName(value, read, only?.name);
      const entry = models.entryNamed(name);
      // It is there already.
      if (only !== undefined && entry === only) return context.json({ status: 'success' });
      if (entry === undefined && !models.canPull) throw unmanaged(models.entries.map((known) => known.name));
      if (entry === undefined) requirePuller(incoming, keys);
      else requireManager(incoming, keys);
      const pull = async (report: (progress: LoadingProgress) => void): Promise<void> => {
        if (entry === undefined) await models.pull(name.replaceAll(HUB, ''), signal, report);
        else (await models.acquire(entry, signal)).release();
      };
      if (isJsonObject(value) && value['stream'] === false) {
        await pull(() => undefined);
        return context.json({ status: 'success' });
      }
      isStreaming = true;
      return streamOf(pull, signal, () => active.end(), context);
    } finally {
      if (!isStreaming) active.end();
    }
  };
}

function streamOf(
  pull: (report: (progress: LoadingProgress) => void) => Promise<void>,
  signal: AbortSignal,
  onEnd: () => void,
  context: Context<RequestContext>,
): Response {
  const events = statusesOf(pull);
  context.env.stream = sendable<Status>({
    first: events.next(),
    events,
    writer: { of: (status) => [line(status)], end: () => [line({ status: 'success' })] },
    signal,
    heartbeat: heartbeats.ndjson,
    isSilent: false,
    onFailure: (error) => ollamaErrors.text(error, context.get('requestId')),
    onEnd,
  });
  return new Response(null, { headers: streamHeaders.ndjson });
}

/** A status for each step, and each percent of it. */
async function* statusesOf(
  pull: (report: (progress: LoadingProgress) => void) => Promise<void>,
): AsyncGenerator<Status, undefined, undefined> {
  const state = { latest: '', isEnded: false };
  let wake: (() => void) | undefined;
  const pulling = pull(({ stage, fraction }) => {
    state.latest = `${stage} ${String(Math.floor(fraction * 100))} %`;
    wake?.();
  }).finally(() => {
    state.isEnded = true;
    wake?.();
  });
  pulling.catch(() => undefined);
  yield { status: 'pulling manifest' };
  for (let told = ''; !state.isEnded;) {
    if (state.latest === told) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    told = state.latest;
    yield { status: told };
  }
  await pulling;
  return undefined;
}

function line(status: Status): string {
  return `${JSON.stringify(status)}\n`;
}

/** The error of a request to change which models a server has. */
export function unmanaged(names: readonly string[]): VserveError {
  const listed = names.map((name) => JSON.stringify(name)).join(', ');
  const has = names.length === 1 ? `the model ${listed}` : `the models ${listed}`;
  return new VserveError(
    'unsupported_capability',
    `This server has ${has} and manages no others. Start one for another model: vserve serve --model org/name`,
  );
}
