import type { Handler } from 'hono';
import { routePath } from 'hono/route';
import type { ModelFormat, WireFormat, WireRequest } from '../api/index.ts';
import { withImageDetails } from '../api/index.ts';
import type { RequestContext } from './access-log.ts';
import { lateStream, mustLoad, outlet } from './answer-streams.ts';
import { bodyLimits } from './body-limits.ts';
import { clientPathOf } from './client-path.ts';
import { watchOf } from './crash-watch.ts';
import { sendable } from './event-stream.ts';
import { keepAliveIn } from './model-lease.ts';
import type { ModelLease } from './models/model-entry.ts';
import { openGeneration } from './open-generation.ts';
import type { GenerationHooks, OpenGeneration } from './open-generation.ts';
import { readJsonBody } from './request-body.ts';
import type { JsonBody } from './request-body.ts';
import type { GenerationRouteOptions, RouteOptions } from './route-options.ts';
import { routeName } from './route-paths.ts';
import { settlesWithin, SILENCE_MS, streamHeaders } from './stream.ts';
import { inStep } from './traces/trace-requests.ts';

/** Handles a POST whose body asks for a generation, streamed or not, in one of the wire formats. */
export function generationRoute<Request extends WireRequest>(
  format: WireFormat<Request> | ModelFormat<Request>,
  options: RouteOptions,
  hooks: GenerationHooks<Request> = {},
): Handler<RequestContext> {
  return async (context) => {
    const receivedAtMs = performance.now();
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    const path = routeName(routePath(context));
    const trace = context.get('trace');
    const release = trace?.hold();
    let lease: ModelLease<GenerationRouteOptions> | undefined;
    let keepAliveMs: number | undefined;
    const watched = watchOf(options, context);
    let endWatch = watched?.end;
    const end = (): void => {
      endWatch?.();
      active.end();
      lease?.release(keepAliveMs);
      release?.();
      options.metrics.countEnd(path, performance.now() - receivedAtMs);
    };
    let streaming = false;
    let body: JsonBody | undefined;
    try {
      const client = clientPathOf(incoming);
      options.models.only?.admission.requireRoom(client);
      const { signal } = active;
      body = await inStep(trace, 'read body', () =>
        readJsonBody(incoming, { ...bodyLimits(options), cpus: options.cpus, signal, onBytes: watched?.onBytes }),
      );
      watched?.begin();
      keepAliveMs = keepAliveIn(body.value, options);
      const hold = (taken: ModelLease<GenerationRouteOptions>): void => {
        lease = taken;
      };
      const letGo = (): (() => void) => {
        const [held, used, forMs] = [lease, body, keepAliveMs];
        lease = undefined;
        body = undefined;
        endWatch = undefined;
        return () => {
          used?.release();
          held?.release(forMs);
          watched?.end();
        };
      };
      const call = { format, options, hooks, context, body, client, signal, receivedAtMs, hold, letGo };
      const opening = openGeneration(call);
      if (mustLoad(call) && !(await settlesWithin(opening, SILENCE_MS))) {
        const bodyOfLate = body;
        body = undefined;
        streaming = true;
        context.env.stream = lateStream(opening, call, () => {
          bodyOfLate.release();
          end();
        });
        return new Response(null, { headers: streamHeaders[format.framing] });
      }
      const opened = await opening;
      if (opened instanceof Response) return opened;
      const { request, identity, events } = opened;
      if (!request.stream) return context.json(await wholeAnswer(opened));

      // The first event comes when the generation starts. Failures before that are ordinary error responses, unless the
      // request has waited so long that its client or a proxy might give up.
      const first = events.next();
      const isPrompt = await settlesWithin(first, SILENCE_MS);
      streaming = true;
      context.env.stream = sendable({
        first,
        events,
        writer: opened.format.writer(identity, request),
        isSilent: !isPrompt,
        ...outlet(call, end),
      });
      return new Response(null, { headers: streamHeaders[format.framing] });
    } catch (error) {
      // A third-party backend may throw anything.
      throw error instanceof Error ? error : new Error(String(error));
    } finally {
      body?.release();
      if (!streaming) end();
    }
  };
}

/** The body of an answer that is not streamed. Throws what the generation throws. */
async function wholeAnswer<Request extends WireRequest>(opened: OpenGeneration<Request>): Promise<object> {
  const { format, identity, events, request, receipts } = opened;
  const answer = await format.answer(identity, events, request);
  return request.imageDetails === true ? withImageDetails(answer, receipts()) : answer;
}
