import type { Context } from 'hono';
import { Hono } from 'hono';
import { z } from 'zod';
import { openaiErrors, show } from '../../api/index.ts';
import type { ResponseRequest } from '../../api/responses/index.ts';
import {
  deletedResponseSchema,
  itemPageSchema,
  parseResponseRequest,
  RESPONSE_SCHEMAS,
  responseCountSchemas,
  responseSchema,
  responsesFormat,
} from '../../api/responses/index.ts';
import { inputTokensJson, inputTokensSchema } from '../../api/tokens/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import { reasonOf } from '../access-log.ts';
import { countTokens } from '../count-tokens.ts';
import { generationRoute } from '../generation-route.ts';
import { sendable } from '../event-stream.ts';
import { jsonRoute } from '../json-route.ts';
import { longJson } from '../long-json.ts';
import type { DetachedGeneration } from '../open-generation.ts';
import { describeFormat, describeRead, optionalParameter, pathParameter } from '../openapi/describe.ts';
import { ownerOf } from '../owner.ts';
import { pieceStream } from '../piece-stream.ts';
import type { Requests } from '../requests.ts';
import type { RouteOptions } from '../route-options.ts';
import { BackgroundResponse } from '../responses/background-response.ts';
import { ClientArchive } from '../responses/client-archive.ts';
import { fitToContext } from '../responses/fit-to-context.ts';
import { inputItemPage } from '../responses/items.ts';
import type { ResponseStore, StoredResponse } from '../responses/response-store.ts';
import { isUnfinished } from '../responses/response-store.ts';
import { heartbeats, streamHeaders } from '../stream.ts';

type RouteContext = Context<RequestContext>;

const ID = pathParameter('id');
const describeRetrieve = describeRead('Retrieve a stored response', responseSchema, {
  event: RESPONSE_SCHEMAS.event,
  framing: 'sse',
  parameters: [
    ID,
    optionalParameter('query', 'stream', z.enum(['true', 'false']), 'Stream the events of a response once more.'),
    optionalParameter('query', 'starting_after', z.int().min(0).max(999_999_999), 'The last event not to send.'),
  ],
});
const describeDelete = describeRead('Delete a stored response', deletedResponseSchema, { parameters: [ID] });
const describeCancel = describeRead('Cancel a response in the background', responseSchema, { parameters: [ID] });
const describeItems = describeRead('List the items that a response answers', itemPageSchema, {
  parameters: [
    ID,
    optionalParameter('query', 'order', z.enum(['asc', 'desc']), 'The latest come first without it.'),
    optionalParameter('query', 'after', z.string(), 'The id of the item before the page.'),
    optionalParameter('query', 'limit', z.int().min(1).max(100), 'How many items a page has at most: else 20.'),
  ],
});

/** `POST /v1/responses`, and what is stored of them: `/v1/responses/{id}`, its `input_items`, and `cancel`. */
export function responsesRoutes(options: RouteOptions): Hono<RequestContext> {
  const store = options.responses;
  const routes = new Hono<RequestContext>();
  routes.post('/v1/responses', describeFormat(RESPONSE_SCHEMAS, { framing: 'sse' }), (context, next) => {
    const archive = new ClientArchive(store, ownerOf(context.env.incoming));
    const route = generationRoute(responsesFormat(archive), options, {
      prepare: (request, own, call) =>
        fitToContext(request, own.model.info.contextLength, (shorter) => countTokens(shorter, own, call)),
      detach: (detached) => inBackground(detached, archive, options, context),
    });
    return route(context, next);
  });
  routes.post(
    '/v1/responses/input_tokens',
    describeFormat(responseCountSchemas(inputTokensSchema)),
    (context, next) => {
      const archive = new ClientArchive(store, ownerOf(context.env.incoming));
      const route = jsonRoute(options, async (call, own) =>
        inputTokensJson(await countTokens(parseResponseRequest(call.body, call.read, archive), own, call)),
      );
      return route(context, next);
    },
  );
  routes.get('/v1/responses/:id', describeRetrieve, (context) => {
    const found = findResponse(store, context);
    const from = firstEvent(context.req.query('starting_after'));
    return isStreamed(context.req.query('stream'))
      ? streamAgain(found, from, options.requests, context)
      : context.json(found.response);
  });
  routes.delete('/v1/responses/:id', describeDelete, (context) => {
    const { response, work } = findResponse(store, context);
    work?.cancel();
    store.remove(response.id);
    return context.json({ id: response.id, object: 'response', deleted: true });
  });
  routes.post('/v1/responses/:id/cancel', describeCancel, async (context) => {
    const found = findResponse(store, context);
    await cancel(found);
    return context.json(found.response);
  });
  routes.get('/v1/responses/:id/input_items', describeItems, (context) => {
    const page = inputItemPage(findResponse(store, context).node, context.req.query());
    return new Response(pieceStream(longJson(page)), { headers: { 'content-type': 'application/json' } });
  });
  return routes;
}

function findResponse(store: ResponseStore, context: RouteContext): StoredResponse {
  const id = context.req.param('id') ?? '';
  const found = store.find(id, ownerOf(context.env.incoming));
  if (found !== undefined) return found;
  const message = `There is no response ${show(id)}: it was not stored, or has been dropped.`;
  throw new VserveError('response_not_found', message, { param: 'id' });
}

/** Answers at once a request that asks for it, and goes on; undefined for others. */
function inBackground(
  { request, identity, start, release }: DetachedGeneration<ResponseRequest>,
  archive: ClientArchive,
  { requests, log }: RouteOptions,
  context: RouteContext,
): Response | undefined {
  if (!request.answer.background) return undefined;
  const active = requests.begin();
  const work = new BackgroundResponse(identity, request);
  try {
    archive.keepUnfinished(work, request.answer.input);
  } catch (error) {
    active.end();
    throw error;
  }
  const requestId = context.get('requestId');
  const begin = (signal: AbortSignal) => start(AbortSignal.any([signal, active.signal]));
  void work
    .run(begin, (error) => log('warning', `${requestId} failed in the background: ${reasonOf(error)}`))
    .finally(() => {
      release();
      active.end();
      const { fields, text } = context.get('record');
      log('info', `${requestId} ended in the background${text}`, { requestId, ...fields });
    });
  return request.stream ? streamOf(work, 0, requests, context) : context.json(work.response);
}

function streamOf(work: BackgroundResponse, from: number, requests: Requests, { env }: RouteContext): Response {
  const active = requests.begin(env.incoming.socket);
  const { signal } = active;
  const events = work.texts(from, signal);
  env.stream = sendable({
    first: events.next(),
    events,
    writer: { of: (text) => [text], end: () => [] },
    signal,
    heartbeat: heartbeats.sse,
    isSilent: false,
    onFailure: (error) => openaiErrors.text(error),
    onEnd: () => active.end(),
  });
  return new Response(null, { headers: streamHeaders.sse });
}

/** Throws `invalid_request` for anything but `true` and `false`. */
function isStreamed(stream: string | undefined): boolean {
  if (stream === undefined || stream === 'false') return false;
  if (stream === 'true') return true;
  const message = `stream must be true or false, not ${show(stream)}.`;
  throw new VserveError('invalid_request', message, { param: 'stream' });
}

/** The number of the first event to send. */
function firstEvent(startingAfter: string | undefined): number {
  if (startingAfter === undefined) return 0;
  if (/^\d{1,9}$/.test(startingAfter)) return Number(startingAfter) + 1;
  const message = `starting_after must be the number of an event, not ${show(startingAfter)}.`;
  throw new VserveError('invalid_request', message, { param: 'starting_after' });
}

/** The events of a response once more, as they come. */
function streamAgain({ work }: StoredResponse, from: number, requests: Requests, context: RouteContext): Response {
  if (work?.isStreamed === true) return streamOf(work, from, requests, context);
  const message = 'Only a response that was created with background and stream can be streamed again.';
  throw new VserveError('invalid_request', message, { param: 'stream' });
}

async function cancel(found: StoredResponse): Promise<void> {
  const { work, response } = found;
  if (work === undefined) {
    throw new VserveError('invalid_request', 'Only a response in the background can be cancelled.', { param: 'id' });
  }
  if (isUnfinished(found)) {
    work.cancel();
    await work.finished();
  } else if (response.status !== 'cancelled') {
    const message = `The response ${response.id} has ended already: it is ${response.status}.`;
    throw new VserveError('invalid_request', message, { param: 'id' });
  }
}
