import type { Handler } from 'hono';
import type { RequestContext } from './access-log.ts';
import type { Place, Places } from './admission.ts';
import { clientPathOf } from './client-path.ts';
import type { ClientPath } from './fair-turns.ts';
import type { GenerationRouteOptions } from './generation-route.ts';
import { bodyLimits, watchOf } from './generation-route.ts';
import { readJsonBody } from './request-body.ts';
import type { RequestTrace } from './traces/request-trace.ts';
import { inStep } from './traces/trace-requests.ts';

/** A request whose body was read. */
export interface JsonCall {
  readonly body: unknown;
  /** How strictly to read it. */
  readonly read: { readonly allowExtraFields: boolean };
  readonly client: ClientPath;
  /** Where its parts take their turns: the request counts as one, whatever it does. */
  readonly places: Places;
  readonly signal: AbortSignal;
  readonly trace?: RequestTrace | undefined;
}

/** The body of an answer that is JSON text already. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Handles a POST of JSON that is answered in one piece, and generates nothing. */
export function jsonRoute(
  options: GenerationRouteOptions,
  answer: (call: JsonCall) => Promise<object>,
): Handler<RequestContext> {
  return async (context) => {
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    const watched = watchOf(options, context);
    let release: (() => void) | undefined;
    let place: Place | undefined;
    try {
      const client = clientPathOf(incoming);
      options.admission.requireRoom(client);
      const { signal } = active;
      const trace = context.get('trace');
      const limits = bodyLimits(options);
      const body = await inStep(trace, 'read body', () =>
        readJsonBody(incoming, { ...limits, cpus: options.cpus, signal, onBytes: watched?.onBytes }),
      );
      ({ release } = body);
      watched?.begin();
      const read = { allowExtraFields: options.settings.allowExtraRequestFields };
      const places = options.admission.asOne();
      place = places.join(client);
      const json = await answer({ body: body.value, read, client, places, signal, trace });
      if (!(json instanceof JsonText)) return context.json(json);
      return context.body(json.text, 200, { 'content-type': 'application/json' });
    } catch (error) {
      // A third-party backend may throw anything.
      throw error instanceof Error ? error : new Error(String(error));
    } finally {
      place?.leave();
      release?.();
      watched?.end();
      active.end();
    }
  };
}
