import type { ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { StreamWriter } from '../api/index.ts';
import type { GenerationEvent } from '../backend/index.ts';
import type { Heartbeat } from './stream-output.ts';
import { StreamOutput } from './stream-output.ts';

/** The events of a generation on their way to a client. */
export interface EventStream extends Heartbeat {
  /** The first event, which was asked for already. */
  readonly first: Promise<IteratorResult<GenerationEvent, unknown>>;
  readonly events: AsyncIterator<GenerationEvent, unknown, undefined>;
  readonly writer: StreamWriter;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
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
 * CPU with the model: so it is a loop over promises, without web streams or generators.
 */
export function sendStream(
  outgoing: ServerResponse,
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  stream: EventStream,
): StreamOutput {
  outgoing.setHeaders(headers);
  outgoing.writeHead(status);
  const output = new StreamOutput(outgoing, stream);
  void send(output, stream);
  return output;
}

async function send(output: StreamOutput, { first, events, writer, signal, onFailure, onEnd }: EventStream) {
  try {
    for (let next = await first; next.done !== true; next = await events.next()) {
      const texts = writer.of(next.value);
      if (texts.length > 0) output.write(texts.join(''));
      if (output.isFull) await output.drained(signal);
    }
    output.write(writer.end().join(''));
  } catch (error) {
    output.write(onFailure(error));
  } finally {
    await events.return?.();
    await output.end(signal);
    onEnd();
  }
}
