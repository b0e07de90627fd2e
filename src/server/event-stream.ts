import type { ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { StreamWriter } from '../api/index.ts';
import type { GenerationEvent } from '../backend/index.ts';
import { StreamOutput } from './stream-output.ts';

/** The events of a generation on their way to a client. */
export interface EventStream {
  /** The first event, which was asked for already. */
  readonly first: Promise<IteratorResult<GenerationEvent, unknown>>;
  readonly events: AsyncIterator<GenerationEvent, unknown, undefined>;
  readonly writer: StreamWriter;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  /** After that long without a text, an SSE comment is sent; undefined for none. */
  readonly silenceMs: number | undefined;
  /** Returns the text that tells a failure. */
  readonly onFailure: (error: unknown) => string;
  /** Called when the last text has left, or the client. */
  readonly onEnd: () => void;
}

/** What hono passes to a route. One that streams leaves its stream here, and returns a response without a body. */
export interface ServerBindings extends HttpBindings {
  stream?: EventStream;
}

/**
 * Writes a stream to its client, with the head of a response. Every token comes through here, on a thread that shares its
 * CPU with the model: so it is a loop over promises that writes to the socket, without web streams or generators.
 */
export function sendStream(outgoing: ServerResponse, { status, headers }: Response, stream: EventStream): Response {
  outgoing.setHeaders(headers);
  outgoing.writeHead(status);
  void send(outgoing, stream);
  return RESPONSE_ALREADY_SENT;
}

async function send(outgoing: ServerResponse, stream: EventStream): Promise<void> {
  const { events, writer, signal } = stream;
  const output = new StreamOutput(outgoing, stream.silenceMs);
  try {
    for (let next = await stream.first; next.done !== true; next = await events.next()) {
      const texts = writer.of(next.value);
      if (texts.length > 0) output.write(texts.join(''));
      if (output.isFull) await output.drained(signal);
    }
    output.write(writer.end().join(''));
  } catch (error) {
    output.write(stream.onFailure(error));
  } finally {
    await events.return?.();
    await output.end(signal);
    stream.onEnd();
  }
}
