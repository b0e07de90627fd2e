import { once } from 'node:events';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Sent {
  /** As it goes over the wire; otherwise that of the URL. */
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request on a connection of its own. */
export async function send(url: string, sent: Sent = {}): Promise<Answer> {
  const response = await answerTo(open(url, sent));
  return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) };
}

/** Begins a request on a connection of its own. */
export function open(url: string, { method = 'GET', headers = {}, body, path }: Sent = {}): ClientRequest {
  const request = httpRequest(url, { method, headers, agent: false, ...(path === undefined ? {} : { path }) });
  request.end(body);
  return request;
}

/** The answer to a request, as soon as its head is there. */
export async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

/** Begins a chat completion that says `content` back. Its errors, as of an abort, are for nobody. */
export function openChat(url: string, content: string, fields: object = {}): ClientRequest {
  const request = open(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody(content, fields) });
  return request.on('error', () => undefined);
}

export function chatBody(content: unknown, fields: object = {}): string {
  return JSON.stringify({ messages: [{ role: 'user', content }], ...fields });
}

/** A bare connection. Its errors are for nobody. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** A chat completion request as it goes over the wire. */
export function rawChat(body: string): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Reads a bare connection until a pattern has come. */
export async function readUntil(socket: Socket, pattern: RegExp): Promise<string> {
  let read = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    read += chunk.toString('latin1');
    if (pattern.test(read)) return read;
  }
  throw new Error(`The connection ended after: ${read}`);
}
