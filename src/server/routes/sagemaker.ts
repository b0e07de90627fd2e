import { Hono } from 'hono';
import { z } from 'zod';
import { chatFormat } from '../../api/chat/index.ts';
import { completionFormat } from '../../api/completions/index.ts';
import type { AnswerIdentity, RouteSchemas, StreamWriter, WireFormat, WireRequest } from '../../api/index.ts';
import { openaiErrors } from '../../api/index.ts';
import type { GenerationEvent } from '../../backend/index.ts';
import type { RequestContext } from '../access-log.ts';
import { generationRoute } from '../generation-route.ts';
import { describeFormat } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';

/** Answers a request in the format that it came in. */
interface Answerer {
  readonly generations: readonly WireRequest[];
  readonly answer: (identity: AnswerIdentity, events: AsyncIterable<GenerationEvent>) => Promise<object>;
  readonly writer: (identity: AnswerIdentity, imageDetails: boolean | undefined) => StreamWriter;
}

interface Invocation extends WireRequest {
  readonly answerer: Answerer;
}

/** SageMaker's `POST /invocations`, with the body of a chat completion or a completion. */
export function sagemakerRoutes(options: RouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post(
    '/invocations',
    describeFormat(invocationFormat.schemas, invocationFormat),
    generationRoute(invocationFormat, options),
  );
  return routes;
}

/** The format of a body is that of its keys: a completion has a prompt, everything else is a chat completion. */
const invocationFormat: WireFormat<Invocation> = {
  // Each format has its own.
  idPrefix: '',
  framing: 'sse',
  parse(body, options) {
    const hasPrompt = typeof body === 'object' && body !== null && 'prompt' in body && !('messages' in body);
    return hasPrompt
      ? invocationOf(completionFormat, completionFormat.parse(body, options))
      : invocationOf(chatFormat, chatFormat.parse(body, options));
  },
  generations: ({ answerer }) => answerer.generations.map((generation) => ({ ...generation, answerer })),
  answer: (identity, events, { answerer }) => answerer.answer(identity, events),
  writer: (identity, { answerer, imageDetails }) => answerer.writer(identity, imageDetails),
  errors: openaiErrors,
  schemas: eitherOf(chatFormat.schemas, completionFormat.schemas),
};

function eitherOf(one: RouteSchemas, other: RouteSchemas): RouteSchemas {
  return {
    summary: 'Answer a chat completion, or a completion',
    request: () => ({ anyOf: [one.request(), other.request()] }),
    answer: z.union([one.answer, other.answer]),
    event: z.union([one.event ?? z.never(), other.event ?? z.never()]),
    ...(one.end === undefined ? {} : { end: one.end }),
    example: one.example,
  };
}

function invocationOf<Request extends WireRequest>(format: WireFormat<Request>, request: Request): Invocation {
  const named = (identity: AnswerIdentity) => ({ ...identity, id: format.idPrefix + identity.id });
  const answerer: Answerer = {
    generations: format.generations?.(request) ?? [request],
    answer: (identity, events) => format.answer(named(identity), events, request),
    writer: (identity, imageDetails) => format.writer(named(identity), { ...request, imageDetails }),
  };
  return { ...request, answerer };
}
