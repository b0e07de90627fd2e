import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import type { MiddlewareHandler } from 'hono';
import type { RequestContext } from './access-log.ts';
import { byteStream } from './sse.ts';

/** The rest of a body that nobody wants may come for so long. */
const LINGER_MS = 5000;

/**
 * Lets an answer that comes before the request's body has arrived (a 413, a 404) reach its client: it leaves at once,
 * and ends when the rest of the body has been read and dropped. A connection that is closed over unread bytes is reset
 * instead (RFC 9112, section 9.6), and the client, still writing, may never see the answer.
 */
export const linger: MiddlewareHandler<RequestContext> = async (context, next) => {
  await next();
  const { incoming } = context.env;
  if (incoming.complete) return;
  const body = await context.res.text();
  const response = new Response(byteStream(thenDropRest(body, incoming)), context.res);
  response.headers.set('content-length', String(Buffer.byteLength(body)));
  context.res = response;
};

async function* thenDropRest(body: string, incoming: IncomingMessage): AsyncGenerator<string, void, undefined> {
  yield body;
  incoming.resume();
  // It fails when the client leaves, or when the time is over: then there is nothing more to wait for.
  await finished(incoming, { signal: AbortSignal.timeout(LINGER_MS) }).catch(() => undefined);
}
