import { randomUUID } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { MiddlewareHandler } from 'hono';
import type { LogLevel } from '../backend/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';

export type Log = (level: LogLevel, message: string) => void;

/** A log that never throws: what cannot be written is no fault of the request that it is about. */
export function safeLog(log: Log): Log {
  return (level, message) => {
    try {
      log(level, message);
    } catch {
      // There is nowhere to tell it.
    }
  };
}

/** What a route knows of its request. */
export interface RequestContext {
  readonly Bindings: HttpBindings;
  readonly Variables: {
    readonly requestId: string;
  };
}

const validId = /^[\w.:-]{1,128}$/;

/**
 * Gives each request an id, the client's own where that is harmless, and logs one line when the answer begins: method,
 * path, status, milliseconds. Never a query, a header or a body: they can hold credentials.
 */
export function accessLog(log: Log): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    const startedAt = performance.now();
    const given = context.req.header('x-request-id');
    const requestId = given !== undefined && validId.test(given) ? given : randomUUID();
    context.set('requestId', requestId);
    await next();
    context.header('x-request-id', requestId);
    const { status } = context.res;
    const ms = (performance.now() - startedAt).toFixed(1);
    const line = `${requestId} ${context.req.method} ${pathOf(context.req.url)} ${String(status)} ${ms} ms`;
    log(status >= 500 ? 'warning' : 'info', context.error === undefined ? line : `${line} ${reasonOf(context.error)}`);
  };
}

/** The path of a URL as it came: decoded, it could hold a line break. */
export function pathOf(url: string): string {
  return new URL(url).pathname;
}

/** What the log says of an error: its code, place, message and detail, and of a defect the stack. */
export function reasonOf(error: unknown): string {
  if (error instanceof VserveError) {
    const { code, param, message, detail } = error;
    const place = param === undefined || param === '' ? code : `${code} ${param}`;
    return detail === undefined ? `${place}: ${message}` : `${place}: ${message} [${detail}]`;
  }
  if (!(error instanceof Error)) return messageOf(error);
  return `\n${error.stack ?? error.message}`;
}
