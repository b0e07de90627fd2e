import type { Handler } from 'hono';
import type { ReadOptions } from '../api/index.ts';
import type { RequestContext } from './access-log.ts';
import type { Place, Places } from './admission.ts';
import { bodyLimits } from './body-limits.ts';
import { chosenModel } from './chosen-model.ts';
import { clientPathOf } from './client-path.ts';
import { watchOf } from './crash-watch.ts';
import type { ClientPath } from './fair-turns.ts';
import { keepAliveIn, leaseOf, modelNameIn } from './model-lease.ts';
import type { ModelLease } from './models/model-entry.ts';
import { readOptionsOf } from './read-options.ts';
import { readJsonBody } from './request-body.ts';
import type { JsonBody } from './request-body.ts';
import type { GenerationRouteOptions, RouteOptions } from './route-options.ts';
import type { RequestTrace } from './traces/request-trace.ts';
import { inStep } from './traces/trace-requests.ts';

/** A request whose body was read. */
export interface JsonCall {
  readonly body: unknown;
  /** How to read it. */
  readonly read: ReadOptions;
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

/** Handles a POST of JSON that is answered in one piece, by the model that it names, and generates nothing. */
export function jsonRoute(
  options: RouteOptions,
  answer: (call: JsonCall, own: GenerationRouteOptions) => Promise<object>,
): Handler<RequestContext> {
  return async (context) => {
    const { incoming } = context.env;
    const active = options.requests.begin(incoming.socket);
    const watched = watchOf(options, context);
    let body: JsonBody | undefined;
    let lease: ModelLease<GenerationRouteOptions> | undefined;
    let place: Place | undefined;
    try {
      const client = clientPathOf(incoming);
      options.models.only?.admission.requireRoom(client);
      const { signal } = active;
      const trace = context.get('trace');
      const limits = bodyLimits(options);
      body = await inStep(trace, 'read body', () =>
        readJsonBody(incoming, { ...limits, cpus: options.cpus, signal, onBytes: watched?.onBytes }),
      );
      watched?.begin();
      const read = readOptionsOf(options, incoming);
      const name = modelNameIn(body.value);
      lease = await leaseOf(options.models.find(name), options, client, signal);
      const own = chosenModel(name, lease.active);
      const places = own.admission.asOne();
      place = places.join(client);
      const json = await answer({ body: body.value, read, client, places, signal, trace }, own);
      if (!(json instanceof JsonText)) return context.json(json);
      return context.body(json.text, 200, { 'content-type': 'application/json' });
    } catch (error) {
      // A third-party backend may throw anything.
      throw error instanceof Error ? error : new Error(String(error));
    } finally {
      place?.leave();
      lease?.release(keepAliveIn(body?.value, options));
      body?.release();
      watched?.end();
      active.end();
    }
  };
}
