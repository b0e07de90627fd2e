import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import type { MiddlewareHandler } from 'hono';
import type { RequestContext } from './access-log.ts';

/** How long to keep reading the rest of an unwanted body. */
const LINGER_MS = 5000;

/**
 * Makes sure that clients receive a response sent before their request body was complete (413, 404): the response is
 * sent at once, but ends only after the rest of the body has been read and discarded. Closing a connection with unread
 * input would reset it (RFC 9112, section 9.6), and a client that is still sending might never see the response. One that
 * has no body, such as a 204, cannot end later than it begins: it waits.
 */
export const linger: MiddlewareHandler<RequestContext> = async (context, next) => {
  await next();
  const { incoming } = context.env;
  if (incoming.complete) return;
  if (context.res.body === null) {
    await dropRest(incoming);
    return;
  }
  const body = await context.res.text();
  const response = new Response(ReadableStream.from(thenDropRest(body, incoming)), context.res);
  response.headers.set('content-length', String(Buffer.byteLength(body)));
  context.res = response;
};

async function* thenDropRest(body: string, incoming: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  yield new TextEncoder().encode(body);
  await dropRest(incoming);
}

async function dropRest(incoming: IncomingMessage): Promise<void> {
  incoming.resume();
  // Rejects when the client disconnects or time is up: either way, the wait is over.
  await finished(incoming, { signal: AbortSignal.timeout(LINGER_MS) }).catch(() => undefined);
}
