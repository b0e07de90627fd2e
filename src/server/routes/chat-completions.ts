import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import type { LoadedModel } from '../../backend/index.ts';
import type { ChatRequest } from '../../api/chat/index.ts';
import { parseChatRequest, toChunks, toCompletion } from '../../api/chat/index.ts';
import type { AnswerIdentity } from '../../api/index.ts';
import { errorJson, imageReferences, requireCapabilities } from '../../api/index.ts';
import { isCodedError, VserveError } from '../../errors/index.ts';
import type { MediaResolver } from '../../media/index.ts';
import type { Log, RequestContext } from '../access-log.ts';
import { reasonOf } from '../access-log.ts';
import type { Admission } from '../admission.ts';
import type { BodyMemory } from '../body-memory.ts';
import { clientPathOf } from '../client-path.ts';
import type { CpuShare } from '../cpu-share.ts';
import { generate } from '../generate.ts';
import type { Metrics } from '../metrics.ts';
import { readJsonBody } from '../request-body.ts';
import type { JsonBody, ReadOptions } from '../request-body.ts';
import type { ActiveRequest, Requests } from '../requests.ts';
import type { ServerSettings } from '../server-settings.ts';
import { byteStream, settlesWithin, sseDone, sseEvent, sseHeaders } from '../sse.ts';
import { unknownModel } from './models.ts';

/** Maximum silence of a stream: proxies close connections that stay silent, often after a minute. */
const KEEP_ALIVE_MS = 15_000;

export interface ChatRouteOptions {
  readonly model: LoadedModel;
  readonly servedModelName: string;
  readonly settings: ServerSettings;
  readonly version: string;
  readonly media: MediaResolver;
  readonly requests: Requests;
  readonly admission: Admission;
  readonly memory: BodyMemory;
  readonly cpus: CpuShare;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** `POST /v1/chat/completions`, streaming and not. */
export function chatRoutes(options: ChatRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post('/v1/chat/completions', async (context) => {
    const receivedAtMs = performance.now();
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    let streaming = false;
    let body: JsonBody | undefined;
    try {
      options.admission.requireRoom();
      const { signal } = active;
      body = await readJsonBody(incoming, { ...bodyLimits(options), cpus: options.cpus, signal });
      const request = parseChatRequest(body.value, { allowExtraFields: options.settings.allowExtraRequestFields });
      checkRequest(request, options);
      const client = clientPathOf(incoming);
      const events = generate(request, {
        ...options,
        client,
        signal,
        receivedAtMs,
        onBodyUsed: body.release,
        onInputProcessed: (processingMs) => options.metrics.countInput(processingMs),
      });
      if (!request.stream) return context.json(await toCompletion(newIdentity(options), events, request.answer));

      const chunks = toChunks(newIdentity(options), events, request.answer);
      // The first chunk comes when the generation starts. Failures before that are ordinary error responses, unless the
      // request has waited so long that its client or a proxy might give up.
      const first = chunks.next();
      await settlesWithin(first, KEEP_ALIVE_MS);
      streaming = true;
      const texts = sseTexts(first, chunks, active, (error) => {
        const level = isCodedError(error) && error.code === 'request_cancelled' ? 'info' : 'warning';
        options.log(level, `${context.get('requestId')} ended after the response had started: ${reasonOf(error)}`);
      });
      return new Response(byteStream(texts, KEEP_ALIVE_MS), { headers: sseHeaders });
    } catch (error) {
      // A third-party backend may throw anything.
      throw error instanceof Error ? error : new Error(String(error));
    } finally {
      body?.release();
      if (!streaming) active.end();
    }
  });
  return routes;
}

/** The limits of a body: the settings, and the memory available. */
function bodyLimits({ settings, memory }: ChatRouteOptions): Pick<ReadOptions, 'maxBytes' | 'timeoutMs' | 'memory'> {
  const maxBytes = Math.min(settings.maxRequestBytes, memory.maxBodyBytes);
  return { maxBytes, timeoutMs: settings.bodyTimeoutS * 1000, memory };
}

/** Rejects what can be rejected before any image is fetched. */
function checkRequest(request: ChatRequest, { model, servedModelName, settings }: ChatRouteOptions): void {
  if (request.model !== undefined && request.model !== '' && request.model !== servedModelName) {
    throw unknownModel(request.model, servedModelName);
  }
  requireCapabilities(request, model.info);
  const images = imageReferences(request);
  const extra = images[settings.maxImagesPerRequest];
  if (extra !== undefined) {
    throw new VserveError(
      'too_many_images',
      `The request has ${String(images.length)} images; the limit of this server is ${String(settings.maxImagesPerRequest)} (--limit-images-per-prompt).`,
      { param: extra.param },
    );
  }
}

/** The events of a stream until it ends, fails, or the client disconnects. */
async function* sseTexts(
  first: Promise<IteratorResult<string, void>>,
  chunks: AsyncGenerator<string, void, undefined>,
  active: ActiveRequest,
  onFailure: (error: unknown) => void,
): AsyncGenerator<string, void, undefined> {
  try {
    const { done, value } = await first;
    if (done !== true) yield sseEvent(value);
    for await (const chunk of chunks) yield sseEvent(chunk);
    yield sseDone;
  } catch (error) {
    onFailure(error);
    yield sseEvent(JSON.stringify(errorJson(error)));
  } finally {
    await chunks.return();
    active.end();
  }
}

function newIdentity({ servedModelName, version }: ChatRouteOptions): AnswerIdentity {
  return {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: servedModelName,
    systemFingerprint: `vserve-${version}`,
  };
}
