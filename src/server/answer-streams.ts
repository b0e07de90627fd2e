import type { GenerationEvent } from '../backend/index.ts';
import type { StreamWriter, WireRequest } from '../api/index.ts';
import { isJsonObject } from '../api/index.ts';
import type { ErrorCode } from '../errors/index.ts';
import { isCodedError } from '../errors/index.ts';
import { reasonOf } from './access-log.ts';
import type { EventStream, SendableStream } from './event-stream.ts';
import { sendable } from './event-stream.ts';
import { modelNameIn } from './model-lease.ts';
import type { Call, OpenGeneration } from './open-generation.ts';
import { heartbeats } from './stream.ts';

/** The ends of a stream that its client, or who runs the server, has asked for. */
const wanted: readonly ErrorCode[] = ['request_cancelled', 'shutting_down'];

/** What all streams of answers have in common. */
export function outlet<Request extends WireRequest>(
  { format, context, options, signal }: Call<Request>,
  onEnd: () => void,
): Pick<EventStream<GenerationEvent>, 'signal' | 'heartbeat' | 'onFailure' | 'onEnd'> {
  return {
    signal,
    heartbeat: format.heartbeat ?? heartbeats[format.framing],
    onFailure(error) {
      const level = isCodedError(error) && wanted.includes(error.code) ? 'info' : 'warning';
      context.get('trace')?.fail(error);
      options.log(level, `${context.get('requestId')} ended after the response had started: ${reasonOf(error)}`);
      return format.errors.text(error, context.get('requestId'));
    },
    onEnd,
  };
}

/** Whether a stream will have to wait for its model. A response in the background has no stream that could wait. */
export function mustLoad<Request extends WireRequest>({ format, options, body }: Call<Request>): boolean {
  const { models } = options;
  if (!models.isManaged || !isJsonObject(body.value) || body.value['background'] === true) return false;
  const { stream } = body.value;
  const isStreamed = format.framing === 'ndjson' ? stream !== false : stream === true;
  return isStreamed && !models.find(modelNameIn(body.value)).isOpen;
}

/** A stream whose client heard nothing while its model was loaded. */
export function lateStream<Request extends WireRequest>(
  opening: Promise<OpenGeneration<Request> | Response>,
  call: Call<Request>,
  onEnd: () => void,
): SendableStream {
  let opened: OpenGeneration<Request> | undefined;
  let writer: StreamWriter | undefined;
  let atOnce = '';
  const first = opening.then(async (result): Promise<IteratorResult<GenerationEvent, undefined>> => {
    if (result instanceof Response) {
      atOnce = `${await result.text()}\n`;
      return { done: true, value: undefined };
    }
    opened = result;
    writer = result.format.writer(result.identity, result.request);
    return result.events.next();
  });
  // It is awaited when the head of the response has left.
  first.catch(() => undefined);
  const end = { done: true, value: undefined } as const;
  return sendable({
    first,
    events: {
      next: async () => opened?.events.next() ?? end,
      return: async () => opened?.events.return?.() ?? end,
    },
    writer: { of: (event) => writer?.of(event) ?? [], end: () => writer?.end() ?? [atOnce] },
    isSilent: true,
    ...outlet(call, onEnd),
  });
}
