import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { LogLevel } from '../backend/index.ts';
import { isCodedError, messageOf } from '../errors/index.ts';
import type { ServerBindings } from './event-stream.ts';
import type { RequestTrace } from './traces/request-trace.ts';

export type Log = (level: LogLevel, message: string) => void;

/** Wraps a log so that it never throws: a request must not fail because a line about it cannot be written. */
export function safeLog(log: Log): Log {
  return (level, message) => {
    try {
      log(level, message);
    } catch {
      // There is nowhere left to report it.
    }
  };
}

/** What a route knows about its request. */
export interface RequestContext {
  readonly Bindings: ServerBindings;
  readonly Variables: {
    readonly requestId: string;
    /** The name of the API key, if it has one. */
    readonly keyName?: string;
    readonly trace?: RequestTrace;
  };
}

const validId = /^[\w.:-]{1,128}$/;

/**
 * Assigns each request an id (the client's own if it is harmless) and logs one line when the response starts: method,
 * path, status, milliseconds, and the name of the API key. Queries, headers and bodies are never logged, since they may hold credentials.
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
    const keyName = context.get('keyName');
    const by = keyName === undefined ? '' : ` by ${keyName}`;
    const line = `${requestId} ${context.req.method} ${pathOf(context.req.url)} ${String(status)} ${ms} ms${by}`;
    log(status >= 500 ? 'warning' : 'info', context.error === undefined ? line : `${line} ${reasonOf(context.error)}`);
  };
}

/** The path of a URL, still percent-encoded: decoded, it could contain a line break. */
export function pathOf(url: string): string {
  return new URL(url).pathname;
}

/** How an error is logged: code, parameter (unless the message begins with it), message, detail; a defect's stack. */
export function reasonOf(error: unknown): string {
  if (isCodedError(error)) {
    const { code, param, message, detail } = error;
    const isNamed = param === undefined || param === '' || [' ', ':'].some((end) => message.startsWith(param + end));
    const place = isNamed ? code : `${code} ${param}`;
    return detail === undefined ? `${place}: ${message}` : `${place}: ${message} [${detail}]`;
  }
  if (!(error instanceof Error)) return messageOf(error);
  return `\n${error.stack ?? error.message}`;
}
