import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import type { GenerationEvent, LoadedModel } from '../../backend/index.ts';
import type { ChatRequest, ChunkJson, CompletionIdentity } from '../../api/chat/index.ts';
import { parseChatRequest, toChunks, toCompletion } from '../../api/chat/index.ts';
import { errorJson, imageReferences, toGenerateRequest } from '../../api/index.ts';
import { isCodedError, VserveError } from '../../errors/index.ts';
import type { MediaResolver } from '../../media/index.ts';
import type { Log, RequestContext } from '../access-log.ts';
import { reasonOf } from '../access-log.ts';
import type { CpuShare } from '../cpu-share.ts';
import { readJsonBody } from '../request-body.ts';
import type { ActiveRequest, Requests } from '../requests.ts';
import type { ServerSettings } from '../server-settings.ts';
import { byteStream, sseDone, sseEvent, sseHeaders } from '../sse.ts';
import { unknownModel } from './models.ts';

export interface ChatRouteOptions {
  readonly model: LoadedModel;
  readonly servedModelName: string;
  readonly settings: ServerSettings;
  readonly version: string;
  readonly media: MediaResolver;
  readonly requests: Requests;
  readonly cpus: CpuShare;
  readonly log: Log;
}

/** `POST /v1/chat/completions`, streaming and not. */
export function chatRoutes(options: ChatRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post('/v1/chat/completions', async (context) => {
    const active = options.requests.begin(context.env.incoming.socket);
    let streaming = false;
    try {
      const { maxRequestBytes: maxBytes, allowExtraRequestFields: allowExtraFields } = options.settings;
      const body = await readJsonBody(context.env.incoming, { maxBytes, cpus: options.cpus, signal: active.signal });
      const request = parseChatRequest(body, { allowExtraFields });
      checkRequest(request, options);
      const events = generate(request, active.signal, options);
      if (!request.stream) return context.json(await toCompletion(newIdentity(options), events));

      const chunks = toChunks(newIdentity(options), events, request.streamUsage);
      // The first chunk comes when the generation has begun: until then a failure is an ordinary error answer.
      const first = await chunks.next();
      streaming = true;
      const texts = sseTexts(first, chunks, active, (error) => {
        const level = isCodedError(error) && error.code === 'request_cancelled' ? 'info' : 'warning';
        options.log(level, `${context.get('requestId')} ended after the answer had begun: ${reasonOf(error)}`);
      });
      return new Response(byteStream(texts), { headers: sseHeaders });
    } catch (error) {
      // A backend of somebody else may throw anything.
      throw error instanceof Error ? error : new Error(String(error));
    } finally {
      if (!streaming) active.end();
    }
  });
  return routes;
}

/** What can be refused before any image is fetched. */
function checkRequest(request: ChatRequest, { model, servedModelName, settings }: ChatRouteOptions): void {
  if (request.model !== undefined && request.model !== '' && request.model !== servedModelName) {
    throw unknownModel(request.model, servedModelName);
  }
  const images = imageReferences(request);
  const [first] = images;
  if (first === undefined) return;
  if (!model.info.capabilities.vision) {
    throw new VserveError(
      'unsupported_capability',
      'The model served here cannot see images: it has no vision projector (mmproj). Leave the images out.',
      { param: first.param },
    );
  }
  const extra = images[settings.maxImagesPerRequest];
  if (extra !== undefined) {
    throw new VserveError(
      'too_many_images',
      `The request has ${String(images.length)} images, and this server takes ${String(settings.maxImagesPerRequest)} (--limit-images-per-prompt).`,
      { param: extra.param },
    );
  }
}

/** Fetches the images, then generates. The first failure of an image ends the fetches of the others. */
async function* generate(
  request: ChatRequest,
  signal: AbortSignal,
  { model, media }: ChatRouteOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const fetches = new AbortController();
  try {
    const resolve = media.forRequest();
    const fetchSignal = AbortSignal.any([signal, fetches.signal]);
    const images = await Promise.all(
      imageReferences(request).map(({ url, param }) => resolve(url, { param, signal: fetchSignal })),
    );
    yield* model.generate(toGenerateRequest(request, model.info.samplingDefaults, images), signal);
  } finally {
    fetches.abort();
  }
}

/** The events of a stream, to its end, its failure, or the client's departure. */
async function* sseTexts(
  first: IteratorResult<ChunkJson, void>,
  chunks: AsyncGenerator<ChunkJson, void, undefined>,
  active: ActiveRequest,
  onFailure: (error: unknown) => void,
): AsyncGenerator<string, void, undefined> {
  try {
    if (first.done !== true) yield sseEvent(first.value);
    for await (const chunk of chunks) yield sseEvent(chunk);
    yield sseDone;
  } catch (error) {
    onFailure(error);
    yield sseEvent(errorJson(error));
  } finally {
    await chunks.return();
    active.end();
  }
}

function newIdentity({ servedModelName, version }: ChatRouteOptions): CompletionIdentity {
  return {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: servedModelName,
    systemFingerprint: `vserve-${version}`,
  };
}
