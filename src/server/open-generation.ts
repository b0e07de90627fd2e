import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import type { GenerationEvent, ImageReceipt } from '../backend/index.ts';
import type { AnswerIdentity, ModelFormat, ParsedRequest, ServedModel, WireFormat, WireRequest } from '../api/index.ts';
import type { RequestContext } from './access-log.ts';
import { checkRequest } from './check-request.ts';
import { chosenModel } from './chosen-model.ts';
import type { ClientPath } from './fair-turns.ts';
import { generateAll } from './generate-all.ts';
import { IMAGE_DETAILS_HEADER, wantsImageDetails } from './image-details-header.ts';
import { keepAliveIn, leaseOf, modelNameIn } from './model-lease.ts';
import type { ModelEntry, ModelLease } from './models/model-entry.ts';
import { servedModelOf } from './models/model-states.ts';
import { readOptionsOf } from './read-options.ts';
import type { JsonBody } from './request-body.ts';
import type { GenerationRouteOptions, RouteOptions } from './route-options.ts';
import type { RequestTrace } from './traces/request-trace.ts';

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
export interface Call<Request extends WireRequest> {
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
export interface OpenGeneration<Request extends WireRequest> {
  readonly format: WireFormat<Request>;
  readonly request: Request;
  readonly identity: AnswerIdentity;
  readonly events: AsyncIterableIterator<GenerationEvent, undefined, undefined>;
  readonly receipts: () => readonly ImageReceipt[];
}

/** Checks a request, and begins its generation, on the model that it names. Or answers it, if that takes none. */
export async function openGeneration<Request extends WireRequest>(
  call: Call<Request>,
): Promise<OpenGeneration<Request> | Response> {
  const { options, hooks, context, body, client, signal, receivedAtMs, hold, letGo } = call;
  const trace = context.get('trace');
  const entry = options.models.find(modelNameIn(body.value));
  const unloaded = answerUnload(entry, call);
  if (unloaded !== undefined) return context.json(unloaded);
  const lease = await leaseOf(entry, options, client, signal);
  hold(lease);
  const own = chosenModel(modelNameIn(body.value), lease.active);
  const format = formatFor(call.format, own.served);
  const parsed = format.parse(body.value, readOptionsOf(options, context.env.incoming));
  for (const generation of generationsOf(format, parsed)) checkRequest(generation, own);
  const wantsDetails = wantsImageDetails(context.req.header(IMAGE_DETAILS_HEADER));
  const answer = format.answerAtOnce?.(parsed);
  if (answer !== undefined) return context.json(answer);
  const asked = wantsDetails ? { ...parsed, imageDetails: true } : parsed;
  const request = (await hooks.prepare?.(asked, own, { client, signal, trace })) ?? asked;
  let receipts: readonly ImageReceipt[] = [];
  const onImages = (images: readonly ImageReceipt[]): void => {
    receipts = [...receipts, ...images];
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

/** The format of a route, for a model. */
function formatFor<Request extends WireRequest>(
  format: WireFormat<Request> | ModelFormat<Request>,
  model: ServedModel,
): WireFormat<Request> {
  return 'of' in format ? format.of(model) : format;
}

/** The answer to a request that does nothing but end the stay of a model in memory; undefined for others. */
function answerUnload<Request extends WireRequest>(
  entry: ModelEntry<GenerationRouteOptions>,
  { format, options, context, body }: Call<Request>,
): object | undefined {
  if (!('of' in format) || keepAliveIn(body.value, options) !== 0) return undefined;
  const asked = format.of(servedModelOf(entry));
  const answer = asked.answerAtOnce?.(asked.parse(body.value, readOptionsOf(options, context.env.incoming)));
  if (answer !== undefined) options.models.unload(entry);
  return answer;
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
