import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * Lets clients that send `Expect: 100-continue` (RFC 9110, section 10.1.1) wait until their body is wanted, so that they
 * need not send one whose request is refused.
 */
export function holdBodies(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response);
    server.emit('request', request, response);
  });
  // Other expectations may be ignored.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

/** Tells a client that waits for it to send the body. */
export function wantBody(request: IncomingMessage): void {
  const response = waiting.get(request);
  if (response === undefined || !waiting.delete(request)) return;
  if (!response.headersSent) response.writeContinue();
}
