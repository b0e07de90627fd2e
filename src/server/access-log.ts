import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { LogLevel } from '../backend/index.ts';
import { statusOf } from './error-response.ts';

export type Log = (level: LogLevel, message: string) => void;

/** What a route knows of its request. */
export interface RequestContext {
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
    const line = `${requestId} ${context.req.method} ${context.req.path} ${String(status)} ${ms} ms`;
    log(status >= 500 ? 'warning' : 'info', context.error === undefined ? line : `${line} ${reasonOf(context.error)}`);
  };
}

/** An error of ours in a line; a defect with its stack. */
function reasonOf(error: Error): string {
  return statusOf(error) === 500 ? `\n${error.stack ?? error.message}` : error.message;
}
