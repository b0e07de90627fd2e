import { randomUUID } from 'node:crypto';
import type { Context, Handler } from 'hono';
import { routePath } from 'hono/route';
import type { GenerationEvent, ImageReceipt } from '../backend/index.ts';
import type {
  AnswerIdentity,
  ModelFormat,
  ParsedRequest,
  ServedModel,
  StreamWriter,
  WireFormat,
  WireRequest,
} from '../api/index.ts';
import { imageDetailsJson, isJsonObject } from '../api/index.ts';
import { isCodedError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';
import { reasonOf } from './access-log.ts';
import { bodyLimits } from './body-limits.ts';
import { checkRequest } from './check-request.ts';
import { clientPathOf } from './client-path.ts';
import type { EventStream, SendableStream } from './event-stream.ts';
import { sendable } from './event-stream.ts';
import type { ClientPath } from './fair-turns.ts';
import { generateAll } from './generate-all.ts';
import { imagesInShort } from './image-arrivals.ts';
import { keepAliveIn, leaseOf, modelNameIn } from './model-lease.ts';
import type { ModelEntry, ModelLease } from './models/model-entry.ts';
import { servedModelOf } from './models/model-states.ts';
import { readJsonBody } from './request-body.ts';
import type { JsonBody } from './request-body.ts';
import type { GenerationRouteOptions, RouteOptions } from './route-options.ts';
import { routeName } from './route-paths.ts';
import { heartbeats, settlesWithin, SILENCE_MS, streamHeaders } from './stream.ts';
import type { RequestTrace } from './traces/request-trace.ts';
import { inStep } from './traces/trace-requests.ts';

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
    options: GenerationRouteOptions,
    call: { client: ClientPath; signal: AbortSignal; trace?: RequestTrace | undefined },
  ) => Promise<Request>;
  /** Takes a generation over from the connection that it came by, and answers in the route's place then. */
  readonly detach?: (generation: DetachedGeneration<Request>) => Response | undefined;
}

/** A request whose body was read. */
interface Call<Request extends WireRequest> {
  readonly format: WireFormat<Request> | ModelFormat<Request>;
  readonly options: RouteOptions;
  readonly hooks: GenerationHooks<Request>;
  readonly context: Context<RequestContext>;
  readonly body: JsonBody;
  readonly client: ClientPath;
  readonly signal: AbortSignal;
  readonly receivedAtMs: number;
  /** Holds the model until the request has ended. */
  readonly hold: (lease: ModelLease<GenerationRouteOptions>) => void;
  /** Gives that up, for whoever goes on with the generation; it is to call the result. */
  readonly letGo: () => () => void;
}

/** A generation that has begun, for the client that waits for it. */
interface OpenGeneration<Request extends WireRequest> {
  readonly format: WireFormat<Request>;
  readonly request: Request;
  readonly identity: AnswerIdentity;
  readonly events: AsyncIterableIterator<GenerationEvent, undefined, undefined>;
  readonly receipts: () => readonly ImageReceipt[];
}

/** Handles a POST whose body asks for a generation, streamed or not, in one of the wire formats. */
export function generationRoute<Request extends WireRequest>(
  format: WireFormat<Request> | ModelFormat<Request>,
  options: RouteOptions,
  hooks: GenerationHooks<Request> = {},
): Handler<RequestContext> {
  return async (context) => {
    const receivedAtMs = performance.now();
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    const path = routeName(routePath(context));
    const trace = context.get('trace');
    const release = trace?.hold();
    let lease: ModelLease<GenerationRouteOptions> | undefined;
    let keepAliveMs: number | undefined;
    const end = (): void => {
      active.end();
      lease?.release(keepAliveMs);
      release?.();
      options.metrics.countEnd(path, performance.now() - receivedAtMs);
    };
    let streaming = false;
    let body: JsonBody | undefined;
    try {
      const client = clientPathOf(incoming);
      options.models.only?.admission.requireRoom(client);
      const { signal } = active;
      body = await inStep(trace, 'read body', () =>
        readJsonBody(incoming, { ...bodyLimits(options), cpus: options.cpus, signal }),
      );
      keepAliveMs = keepAliveIn(body.value, options);
      const hold = (taken: ModelLease<GenerationRouteOptions>): void => {
        lease = taken;
      };
      const letGo = (): (() => void) => {
        const [held, used, forMs] = [lease, body, keepAliveMs];
        lease = undefined;
        body = undefined;
        return () => {
          used?.release();
          held?.release(forMs);
        };
      };
      const call = { format, options, hooks, context, body, client, signal, receivedAtMs, hold, letGo };
      const opening = openGeneration(call);
      if (mustLoad(call) && !(await settlesWithin(opening, SILENCE_MS))) {
        const bodyOfLate = body;
        body = undefined;
        streaming = true;
        context.env.stream = lateStream(opening, call, () => {
          bodyOfLate.release();
          end();
        });
        return new Response(null, { headers: streamHeaders[format.framing] });
      }
      const opened = await opening;
      if (opened instanceof Response) return opened;
      const { request, identity, events } = opened;
      if (!request.stream) return context.json(await wholeAnswer(opened));

      // The first event comes when the generation starts. Failures before that are ordinary error responses, unless the
      // request has waited so long that its client or a proxy might give up.
      const first = events.next();
      const isPrompt = await settlesWithin(first, SILENCE_MS);
      streaming = true;
      context.env.stream = sendable({
        first,
        events,
        writer: opened.format.writer(identity, request),
        isSilent: !isPrompt,
        ...outlet(call, end),
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

/** Checks a request, and begins its generation, on the model that it names. Or answers it, if that takes none. */
async function openGeneration<Request extends WireRequest>(
  call: Call<Request>,
): Promise<OpenGeneration<Request> | Response> {
  const { options, hooks, context, body, client, signal, receivedAtMs, hold, letGo } = call;
  const trace = context.get('trace');
  const entry = options.models.find(modelNameIn(body.value));
  const unloaded = answerUnload(entry, call);
  if (unloaded !== undefined) return context.json(unloaded);
  const lease = await leaseOf(entry, options, client, signal);
  hold(lease);
  const own = lease.active;
  const format = formatFor(call.format, own.served);
  const parsed = format.parse(body.value, { allowExtraFields: options.settings.allowExtraRequestFields });
  for (const generation of generationsOf(format, parsed)) checkRequest(generation, own);
  const answer = format.answerAtOnce?.(parsed);
  if (answer !== undefined) return context.json(answer);
  const asked = wantsImageDetails(context.req.header(IMAGE_DETAILS_HEADER))
    ? { ...parsed, imageDetails: true }
    : parsed;
  const request = (await hooks.prepare?.(asked, own, { client, signal, trace })) ?? asked;
  let receipts: readonly ImageReceipt[] = [];
  const onImages = (images: readonly ImageReceipt[]): void => {
    receipts = [...receipts, ...images];
    options.log('info', `${context.get('requestId')} images: ${imagesInShort(images)}`);
  };
  const record = context.get('record');
  record.model = own.servedModelName;
  const start = (until: AbortSignal) =>
    generateAll(generationsOf(format, request), {
      ...own,
      admission: own.admission.asOne(),
      client,
      signal: until,
      trace,
      onImages,
      record,
      observe: () => options.metrics.generations.observe(receivedAtMs),
      onBodyUsed: body.release,
    });
  const identity = newIdentity(format.idPrefix, own);
  trace?.set({
    'gen_ai.provider.name': 'vserve',
    'gen_ai.request.model': own.servedModelName,
    'gen_ai.request.stream': parsed.stream,
    'gen_ai.response.id': identity.id,
    'gen_ai.response.model': own.servedModelName,
  });
  let goOn: (() => void) | undefined;
  const detached = hooks.detach?.({ request, identity, start, release: () => goOn?.() });
  if (detached !== undefined) {
    goOn = letGo();
    return detached;
  }
  return { format, request, identity, events: start(signal), receipts: () => receipts };
}

/** The body of an answer that is not streamed. Throws what the generation throws. */
async function wholeAnswer<Request extends WireRequest>(opened: OpenGeneration<Request>): Promise<object> {
  const { format, identity, events, request, receipts } = opened;
  const answer = await format.answer(identity, events, request);
  return request.imageDetails === true ? { ...answer, image_details: imageDetailsJson(receipts()) } : answer;
}

/** What all streams of answers have in common. */
function outlet<Request extends WireRequest>(
  { format, context, options, signal }: Call<Request>,
  onEnd: () => void,
): Pick<EventStream<GenerationEvent>, 'signal' | 'heartbeat' | 'onFailure' | 'onEnd'> {
  return {
    signal,
    heartbeat: format.heartbeat ?? heartbeats[format.framing],
    onFailure(error) {
      const level = isCodedError(error) && error.code === 'request_cancelled' ? 'info' : 'warning';
      context.get('trace')?.fail(error);
      options.log(level, `${context.get('requestId')} ended after the response had started: ${reasonOf(error)}`);
      return format.errors.text(error, context.get('requestId'));
    },
    onEnd,
  };
}

/** Asks for the details of images in any format, if it is not 0. */
const IMAGE_DETAILS_HEADER = 'x-vserve-image-details';

function wantsImageDetails(header: string | undefined): boolean {
  return header !== undefined && header !== '' && header !== '0';
}

/** The format of a route, for a model. */
function formatFor<Request extends WireRequest>(
  format: WireFormat<Request> | ModelFormat<Request>,
  model: ServedModel,
): WireFormat<Request> {
  return 'of' in format ? format.of(model) : format;
}

/** Whether a stream will have to wait for its model. A response in the background has no stream that could wait. */
function mustLoad<Request extends WireRequest>({ format, options, body }: Call<Request>): boolean {
  const { models } = options;
  if (!models.isManaged || !isJsonObject(body.value) || body.value['background'] === true) return false;
  const { stream } = body.value;
  const isStreamed = format.framing === 'ndjson' ? stream !== false : stream === true;
  return isStreamed && !models.find(modelNameIn(body.value)).isOpen;
}

/** The answer to a request that does nothing but end the stay of a model in memory; undefined for others. */
function answerUnload<Request extends WireRequest>(
  entry: ModelEntry<GenerationRouteOptions>,
  { format, options, body }: Call<Request>,
): object | undefined {
  if (!('of' in format) || keepAliveIn(body.value, options) !== 0) return undefined;
  const asked = format.of(servedModelOf(entry));
  const answer = asked.answerAtOnce?.(
    asked.parse(body.value, { allowExtraFields: options.settings.allowExtraRequestFields }),
  );
  if (answer !== undefined) options.models.unload(entry);
  return answer;
}

/** A stream whose client heard nothing while its model was loaded. */
function lateStream<Request extends WireRequest>(
  opening: Promise<OpenGeneration<Request> | Response>,
  call: Call<Request>,
  onEnd: () => void,
): SendableStream {
  let opened: OpenGeneration<Request> | undefined;
  let writer: StreamWriter | undefined;
  let atOnce = '';
  const first = opening.then(async (result): Promise<IteratorResult<GenerationEvent, undefined>> => {
    if (result instanceof Response) {
      atOnce = `${await result.text()}\n`;
      return { done: true, value: undefined };
    }
    opened = result;
    writer = result.format.writer(result.identity, result.request);
    return result.events.next();
  });
  // It is awaited when the head of the response has left.
  first.catch(() => undefined);
  const end = { done: true, value: undefined } as const;
  return sendable({
    first,
    events: {
      next: async () => opened?.events.next() ?? end,
      return: async () => opened?.events.return?.() ?? end,
    },
    writer: { of: (event) => writer?.of(event) ?? [], end: () => writer?.end() ?? [atOnce] },
    isSilent: true,
    ...outlet(call, onEnd),
  });
}

function generationsOf<Request extends WireRequest>(
  format: WireFormat<Request>,
  request: Request,
): readonly ParsedRequest[] {
  return format.generations?.(request) ?? [request];
}

function newIdentity(prefix: string, { servedModelName, version }: GenerationRouteOptions): AnswerIdentity {
  return {
    id: prefix + randomUUID().replaceAll('-', ''),
    created: Math.floor(Date.now() / 1000),
    model: servedModelName,
    systemFingerprint: `vserve-${version}`,
  };
}
