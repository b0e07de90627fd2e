import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { clearTimeout, setTimeout as setTimer } from 'node:timers';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Random } from './random.ts';
import type { SoakRequest } from './requests.ts';
import type { RawConnection } from './spoil.ts';

/** A request that has no answer after this long has been forgotten. */
const FORGOTTEN_MS = 600_000;
/** How long a slow reader is slow; then it reads what is left. */
const SLOW_MS = 3000;

/** How a client behaves. */
export type Manner = 'whole' | 'slow' | 'gzip' | 'leaves' | 'leaves in its body';

export interface Outcome {
  /** Undefined if the client left before it came. */
  readonly status: number | undefined;
  /** The body, as far as it was read. */
  readonly text: string;
  /** What went wrong that should not have. */
  readonly failure?: string;
}

const LEFT: Outcome = { status: undefined, text: '' };

/** Sends a request on a connection of its own. `body`: in place of its own. */
export async function send(
  url: string,
  request: SoakRequest,
  manner: Manner,
  random: Random,
  body: string | Uint8Array = request.body === undefined ? '' : JSON.stringify(request.body),
): Promise<Outcome> {
  const sent = manner === 'gzip' ? gzipSync(body) : Buffer.from(body);
  const client = httpRequest(url + request.path, {
    method: request.method,
    agent: false,
    headers: {
      ...(sent.length > 0 ? { 'content-type': 'application/json', 'content-length': sent.length } : {}),
      ...(manner === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
      'x-api-key': `client ${String(random.below(5))}`,
    },
  });
  const forget = (): void => void client.destroy(new Error(`${request.path}: no end after ${String(FORGOTTEN_MS)} ms`));
  const forgotten = setTimer(forget, FORGOTTEN_MS);
  // Who reads the answer learns of it there.
  client.on('error', () => undefined);
  try {
    if (manner === 'leaves in its body') return await leaveInBody(client, sent, random);
    client.end(sent);
    if (manner === 'leaves' && random.chance(0.3)) return await leaveEarly(client, random);
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    const outcome = await read(response, manner, random);
    return { ...outcome, ...wrongIn(outcome, request, manner) };
  } catch (error) {
    return { ...LEFT, failure: String(error) };
  } finally {
    clearTimeout(forgotten);
    client.destroy();
  }
}

/** Before there is an answer. */
async function leaveEarly(client: ClientRequest, random: Random): Promise<Outcome> {
  await setTimeout(random.below(30));
  client.destroy();
  return LEFT;
}

async function leaveInBody(client: ClientRequest, body: Uint8Array, random: Random): Promise<Outcome> {
  client.write(body.subarray(0, random.below(body.length + 1)));
  await setTimeout(random.below(50));
  client.destroy();
  return LEFT;
}

async function read(response: IncomingMessage, manner: Manner, random: Random): Promise<Outcome> {
  const mostPieces = manner === 'leaves' ? random.below(20) : Infinity;
  const slowUntilMs = performance.now() + SLOW_MS;
  let text = '';
  let pieces = 0;
  for await (const piece of response.setEncoding('utf8') as AsyncIterable<string>) {
    text += piece;
    if ((pieces += 1) > mostPieces) break;
    if (manner === 'slow' && performance.now() < slowUntilMs) await setTimeout(random.below(200));
  }
  return { status: response.statusCode, text };
}

function wrongIn({ status = 0, text }: Outcome, { end, path }: SoakRequest, manner: Manner): { failure?: string } {
  if (status >= 500) return { failure: `${path}: ${String(status)} ${text.slice(0, 300)}` };
  if (text.includes('"internal_error"')) return { failure: `${path}: ${text.slice(-300)}` };
  if (manner !== 'leaves' && status === 200 && end !== undefined && !text.endsWith(end)) {
    return { failure: `${path}: the stream ends with ${JSON.stringify(text.slice(-100))}` };
  }
  return {};
}

/** Sends bytes that are no proper request. The answer, if there is one, must not say that the server is at fault. */
export async function sendRaw(url: string, { bytes, leaves }: RawConnection, random: Random): Promise<Outcome> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(bytes);
  if (leaves) await setTimeout(random.below(50));
  else await Promise.race([closed, setTimeout(1000)]);
  socket.destroy();
  await closed;
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? NaN);
  if (status >= 500) return { status, text, failure: `${JSON.stringify(bytes.slice(0, 100))}: ${text.slice(0, 300)}` };
  return { status: Number.isNaN(status) ? undefined : status, text };
}
