import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** Answers a generation, whose body was read. */
export type Answer = (response: ServerResponse, body: Body, request: IncomingMessage) => void | Promise<void>;

export interface Body {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly [field: string]: unknown;
}

export interface FakeUpstreamOptions {
  /** `owned_by` of its model: it tells the dialect. */
  readonly owner?: string;
  readonly model?: string;
  /** Further fields of its model. */
  readonly listed?: object;
  /** The status of /health. */
  readonly health?: () => number;
  readonly port?: number;
  /** Fields of its /props. */
  readonly props?: object;
}

/** A server of OpenAI's API that does as a test says. */
export interface FakeUpstream {
  readonly url: string;
  readonly port: number;
  /** Bodies of the requests for generations, in order. */
  readonly bodies: readonly Body[];
  /** Keys that came. */
  readonly keys: readonly (string | undefined)[];
  close(): void;
}

export async function fakeUpstream(answer: Answer, options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const { owner = 'someone', model = 'tiny', listed = {}, health = () => 200, props = {} } = options;
  const bodies: Body[] = [];
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    // A connection that is kept may be used at the moment when it is closed.
    response.shouldKeepAlive = false;
    const json = (value: object): void => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (request.url === '/health') response.writeHead(health()).end();
    else if (request.url === '/v1/models') json({ data: [{ id: model, owned_by: owner, ...listed }] });
    else if (request.url === '/props') json(props);
    else void answerWith(request, response);
  });
  async function answerWith(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const body = JSON.parse(await text(request)) as Body;
    bodies.push(body);
    await answer(response, body, request);
  }
  await listening(server, options.port ?? 0);
  onTestFinished(() => close(server));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${String(port)}`, port, bodies, keys, close: () => close(server) };
}

async function listening(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** Writes chunks of a stream, without ending it. */
export function writeChunks(response: ServerResponse, ...chunks: readonly object[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(''));
}

/** A chunk of a chat completion. */
export function delta(fields: object, choice: object = {}): object {
  return { choices: [{ index: 0, delta: fields, finish_reason: null, ...choice }] };
}

/** What ends a stream. */
export function endChunks(response: ServerResponse, reason = 'stop', tokens = 1): void {
  writeChunks(response, delta({}, { finish_reason: reason }), {
    choices: [],
    usage: { prompt_tokens: 3, completion_tokens: tokens },
  });
  response.end('data: [DONE]\n\n');
}

/** A whole answer of one text. */
export function say(response: ServerResponse, content: string): void {
  writeChunks(response, delta({ role: 'assistant', content: '' }), delta({ content }));
  endChunks(response);
}
