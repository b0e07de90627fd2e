import { randomUUID } from 'node:crypto';
import type { Handler } from 'hono';
import type { GenerationEvent, LoadedModel } from '../backend/index.ts';
import type { AnswerIdentity, StreamWriter, WireFormat, WireRequest } from '../api/index.ts';
import { imageReferences, requireCapabilities } from '../api/index.ts';
import { isCodedError, VserveError } from '../errors/index.ts';
import type { MediaResolver } from '../media/index.ts';
import type { Log, RequestContext } from './access-log.ts';
import { reasonOf } from './access-log.ts';
import type { Admission } from './admission.ts';
import type { BodyMemory } from './body-memory.ts';
import { clientPathOf } from './client-path.ts';
import type { CpuShare } from './cpu-share.ts';
import { generate } from './generate.ts';
import type { Metrics } from './metrics.ts';
import { readJsonBody } from './request-body.ts';
import type { JsonBody, ReadOptions } from './request-body.ts';
import type { ActiveRequest, Requests } from './requests.ts';
import { unknownModel } from './routes/models.ts';
import type { ServerSettings } from './server-settings.ts';
import { byteStream, settlesWithin, streamHeaders } from './stream.ts';

/** Maximum silence of a stream: proxies close connections that stay silent, often after a minute. */
const KEEP_ALIVE_MS = 15_000;

/** What the routes of all formats work with. */
export interface GenerationRouteOptions {
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

/** Handles a POST whose body asks for a generation, streamed or not, in one of the wire formats. */
export function generationRoute<Request extends WireRequest>(
  format: WireFormat<Request>,
  options: GenerationRouteOptions,
): Handler<RequestContext> {
  return async (context) => {
    const receivedAtMs = performance.now();
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    let streaming = false;
    let body: JsonBody | undefined;
    try {
      const client = clientPathOf(incoming);
      options.admission.requireRoom(client);
      const { signal } = active;
      body = await readJsonBody(incoming, { ...bodyLimits(options), cpus: options.cpus, signal });
      const request = format.parse(body.value, { allowExtraFields: options.settings.allowExtraRequestFields });
      checkRequest(request, options);
      const events = generate(request, {
        ...options,
        client,
        signal,
        receivedAtMs,
        onBodyUsed: body.release,
        onInputProcessed: (processingMs) => options.metrics.countInput(processingMs),
      });
      const identity = newIdentity(format.idPrefix, options);
      if (!request.stream) return context.json(await format.answer(identity, events, request));

      // The first event comes when the generation starts. Failures before that are ordinary error responses, unless the
      // request has waited so long that its client or a proxy might give up.
      const first = events.next();
      await settlesWithin(first, KEEP_ALIVE_MS);
      streaming = true;
      const texts = streamTexts({ first, events, writer: format.writer(identity, request), active }, (error) => {
        const level = isCodedError(error) && error.code === 'request_cancelled' ? 'info' : 'warning';
        options.log(level, `${context.get('requestId')} ended after the response had started: ${reasonOf(error)}`);
        return format.errors.text(error);
      });
      const silenceMs = format.framing === 'sse' ? KEEP_ALIVE_MS : undefined;
      return new Response(byteStream(texts, silenceMs), { headers: streamHeaders[format.framing] });
    } catch (error) {
      // A third-party backend may throw anything.
      throw error instanceof Error ? error : new Error(String(error));
    } finally {
      body?.release();
      if (!streaming) active.end();
    }
  };
}

/** The limits of a body: the settings, and the memory available. */
function bodyLimits({
  settings,
  memory,
}: GenerationRouteOptions): Pick<ReadOptions, 'maxBytes' | 'timeoutMs' | 'memory'> {
  const maxBytes = Math.min(settings.maxRequestBytes, memory.maxBodyBytes);
  return { maxBytes, timeoutMs: settings.bodyTimeoutS * 1000, memory };
}

/** Rejects what can be rejected before any image is fetched. */
function checkRequest(request: WireRequest, { model, servedModelName, settings }: GenerationRouteOptions): void {
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

interface Stream {
  readonly first: Promise<IteratorResult<GenerationEvent, void>>;
  readonly events: AsyncGenerator<GenerationEvent, void, undefined>;
  readonly writer: StreamWriter;
  readonly active: ActiveRequest;
}

/** The texts of a stream until it ends, fails, or the client disconnects. */
async function* streamTexts(
  { first, events, writer, active }: Stream,
  onFailure: (error: unknown) => string,
): AsyncGenerator<string, void, undefined> {
  try {
    for (let next = await first; next.done !== true; next = await events.next()) {
      const texts = writer.of(next.value);
      if (texts.length > 0) yield texts.join('');
    }
    yield writer.end().join('');
  } catch (error) {
    yield onFailure(error);
  } finally {
    await events.return();
    active.end();
  }
}

function newIdentity(prefix: string, { servedModelName, version }: GenerationRouteOptions): AnswerIdentity {
  return {
    id: prefix + randomUUID().replaceAll('-', ''),
    created: Math.floor(Date.now() / 1000),
    model: servedModelName,
    systemFingerprint: `vserve-${version}`,
  };
}
