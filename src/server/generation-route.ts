import { randomUUID } from 'node:crypto';
import type { Context, Handler } from 'hono';
import { routePath } from 'hono/route';
import type { GenerationEvent, ImageReceipt, LoadedModel } from '../backend/index.ts';
import type { AnswerIdentity, ParsedRequest, WireFormat, WireRequest } from '../api/index.ts';
import { requireCapabilities, withImageDetails } from '../api/index.ts';
import { isCodedError } from '../errors/index.ts';
import type { MediaResolver } from '../media/index.ts';
import type { Log, RequestContext } from './access-log.ts';
import { reasonOf } from './access-log.ts';
import type { Admission } from './admission.ts';
import type { BodyMemory } from './body-memory.ts';
import { clientPathOf } from './client-path.ts';
import type { CpuShare } from './cpu-share.ts';
import { RequestWatch } from './crash-watch.ts';
import type { CrashWatch } from './crash-watch.ts';
import { sendable } from './event-stream.ts';
import type { ClientPath } from './fair-turns.ts';
import { generateAll } from './generate-all.ts';
import { IMAGE_DETAILS_HEADER, wantsImageDetails } from './image-details-header.ts';
import type { Metrics } from './metrics/metrics.ts';
import { requireRoom } from './open-media.ts';
import { readJsonBody } from './request-body.ts';
import type { JsonBody, ReadOptions } from './request-body.ts';
import type { Requests } from './requests.ts';
import { unknownModel } from './routes/models.ts';
import { routeName } from './route-paths.ts';
import type { ServerSettings } from './server-settings.ts';
import type { Slots } from './slots.ts';
import { heartbeats, settlesWithin, SILENCE_MS, streamHeaders } from './stream.ts';
import type { RequestTrace } from './traces/request-trace.ts';
import { inStep } from './traces/trace-requests.ts';

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
  readonly slots?: Slots | undefined;
  /** Undefined where nobody wants to know which requests run. */
  readonly watch?: CrashWatch | undefined;
  readonly log: Log;
}

/** A generation that may go on without its client. */
export interface DetachedGeneration<Request extends WireRequest> {
  readonly request: Request;
  readonly identity: AnswerIdentity;
  /** Begins it, until the signal aborts. */
  readonly start: (signal: AbortSignal) => AsyncIterable<GenerationEvent>;
  /** Must be called when it has ended. */
  readonly release: () => void;
}

/** What a format's route adds to the way of a generation. */
export interface GenerationHooks<Request extends WireRequest> {
  /** Changes a request that was checked. */
  readonly prepare?: (
    request: Request,
    call: { client: ClientPath; signal: AbortSignal; trace?: RequestTrace | undefined },
  ) => Promise<Request>;
  /** Takes a generation over from the connection that it came by, and answers in the route's place then. */
  readonly detach?: (generation: DetachedGeneration<Request>) => Response | undefined;
}

/** Handles a POST whose body asks for a generation, streamed or not, in one of the wire formats. */
export function generationRoute<Request extends WireRequest>(
  format: WireFormat<Request>,
  options: GenerationRouteOptions,
  { prepare, detach }: GenerationHooks<Request> = {},
): Handler<RequestContext> {
  return async (context) => {
    const receivedAtMs = performance.now();
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    const path = routeName(routePath(context));
    const trace = context.get('trace');
    const release = trace?.hold();
    const watched = watchOf(options, context);
    let endWatch = watched?.end;
    const end = (): void => {
      endWatch?.();
      active.end();
      release?.();
      options.metrics.countEnd(path, performance.now() - receivedAtMs);
    };
    let streaming = false;
    let body: JsonBody | undefined;
    try {
      const client = clientPathOf(incoming);
      options.admission.requireRoom(client);
      const { signal } = active;
      body = await inStep(trace, 'read body', () =>
        readJsonBody(incoming, { ...bodyLimits(options), cpus: options.cpus, signal, onBytes: watched?.onBytes }),
      );
      watched?.begin();
      const parsed = format.parse(body.value, { allowExtraFields: options.settings.allowExtraRequestFields });
      for (const generation of generationsOf(format, parsed)) checkRequest(generation, options);
      const answer = format.answerAtOnce?.(parsed);
      if (answer !== undefined) return context.json(answer);
      const asked = wantsImageDetails(context.req.header(IMAGE_DETAILS_HEADER))
        ? { ...parsed, imageDetails: true }
        : parsed;
      const request = (await prepare?.(asked, { client, signal, trace })) ?? asked;
      let receipts: readonly ImageReceipt[] = [];
      const onImages = (images: readonly ImageReceipt[]): void => {
        receipts = [...receipts, ...images];
      };
      const releaseBody = body.release;
      const record = context.get('record');
      record.model = options.servedModelName;
      const start = (until: AbortSignal) =>
        generateAll(generationsOf(format, request), {
          ...options,
          admission: options.admission.asOne(),
          client,
          signal: until,
          trace,
          onImages,
          record,
          observe: () => options.metrics.generations.observe(receivedAtMs),
          onBodyUsed: releaseBody,
        });
      const identity = newIdentity(format.idPrefix, options);
      trace?.set({
        'gen_ai.provider.name': 'vserve',
        'gen_ai.request.model': options.servedModelName,
        'gen_ai.request.stream': parsed.stream,
        'gen_ai.response.id': identity.id,
        'gen_ai.response.model': options.servedModelName,
      });
      const releaseDetached = (): void => {
        releaseBody();
        watched?.end();
      };
      const detached = detach?.({ request, identity, start, release: releaseDetached });
      if (detached !== undefined) {
        body = undefined;
        endWatch = undefined;
        return detached;
      }
      const events = start(signal);
      if (!request.stream) {
        const answer = await format.answer(identity, events, request);
        return context.json(request.imageDetails === true ? withImageDetails(answer, receipts) : answer);
      }

      // The first event comes when the generation starts. Failures before that are ordinary error responses, unless the
      // request has waited so long that its client or a proxy might give up.
      const first = events.next();
      const isPrompt = await settlesWithin(first, SILENCE_MS);
      streaming = true;
      context.env.stream = sendable({
        first,
        events,
        writer: format.writer(identity, request),
        signal,
        heartbeat: format.heartbeat ?? heartbeats[format.framing],
        isSilent: !isPrompt,
        onFailure(error) {
          const level = isCodedError(error) && error.code === 'request_cancelled' ? 'info' : 'warning';
          trace?.fail(error);
          options.log(level, `${context.get('requestId')} ended after the response had started: ${reasonOf(error)}`);
          return format.errors.text(error, context.get('requestId'));
        },
        onEnd: end,
      });
      return new Response(null, { headers: streamHeaders[format.framing] });
    } catch (error) {
      // A third-party backend may throw anything.
      throw error instanceof Error ? error : new Error(String(error));
    } finally {
      body?.release();
      if (!streaming) end();
    }
  };
}

function generationsOf<Request extends WireRequest>(
  format: WireFormat<Request>,
  request: Request,
): readonly ParsedRequest[] {
  return format.generations?.(request) ?? [request];
}

/** The watch over a request, where someone watches. */
export function watchOf(
  { watch }: GenerationRouteOptions,
  { req, var: { requestId } }: Context<RequestContext>,
): RequestWatch | undefined {
  return watch && new RequestWatch(watch, { requestId, target: `${req.method} ${req.path}` });
}

/** The limits of a body: the settings, and the memory available. */
export function bodyLimits({
  settings,
  memory,
}: GenerationRouteOptions): Pick<ReadOptions, 'maxBytes' | 'timeoutMs' | 'memory'> {
  const maxBytes = Math.min(settings.maxRequestBytes, memory.maxBodyBytes);
  return { maxBytes, timeoutMs: settings.bodyTimeoutS * 1000, memory };
}

/** Throws `model_not_found` for the name of a model that is not served. */
export function checkModel(name: string | undefined, servedModelName: string): void {
  if (name !== undefined && name !== '' && name !== servedModelName) throw unknownModel(name, servedModelName);
}

/** Rejects what can be rejected before any image is fetched. */
export function checkRequest(
  request: ParsedRequest,
  { model, servedModelName, settings }: GenerationRouteOptions,
): void {
  checkModel(request.model, servedModelName);
  requireCapabilities(request, model.info);
  requireRoom(request, settings.maxImagesPerRequest);
}

function newIdentity(prefix: string, { servedModelName, version }: GenerationRouteOptions): AnswerIdentity {
  return {
    id: prefix + randomUUID().replaceAll('-', ''),
    created: Math.floor(Date.now() / 1000),
    model: servedModelName,
    systemFingerprint: `vserve-${version}`,
  };
}
