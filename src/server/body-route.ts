import type { Handler } from 'hono';
import type { RequestContext } from './access-log.ts';
import { bodyLimits } from './body-limits.ts';
import { readJsonBody } from './request-body.ts';
import type { RouteOptions } from './route-options.ts';
import { inStep } from './traces/trace-requests.ts';

/** A request whose body was read. */
export interface BodyCall {
  readonly body: unknown;
  /** How strictly to read it. */
  readonly read: { readonly allowExtraFields: boolean };
  readonly signal: AbortSignal;
}

/** Handles a POST of JSON about models, which takes no place and needs none of them in memory. */
export function bodyRoute(
  options: RouteOptions,
  answer: (call: BodyCall) => object | Promise<object>,
): Handler<RequestContext> {
  return async (context) => {
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    let release: (() => void) | undefined;
    try {
      const { signal } = active;
      const limits = bodyLimits(options);
      const body = await inStep(context.get('trace'), 'read body', () =>
        readJsonBody(incoming, { ...limits, cpus: options.cpus, signal }),
      );
      ({ release } = body);
      const read = { allowExtraFields: options.settings.allowExtraRequestFields };
      return context.json(await answer({ body: body.value, read, signal }));
    } finally {
      release?.();
      active.end();
    }
  };
}
