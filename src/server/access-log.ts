import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { LogLevel } from '../backend/index.ts';
import { isCodedError, messageOf } from '../errors/index.ts';
import { AnswerRecord } from './answer-record.ts';
import type { ServerBindings } from './event-stream.ts';
import type { RunningRequests } from './running-requests.ts';
import type { RequestTrace } from './traces/request-trace.ts';

/** `fields` are the message's facts, for logs that programs read. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Wraps a log so that it never throws: a request must not fail because a line about it cannot be written. */
export function safeLog(log: Log): Log {
  return (level, message, fields) => {
    try {
      log(level, message, fields);
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
    /** Counts its answer. */
    readonly record: AnswerRecord;
  };
}

const validId = /^[\w.:-]{1,128}$/;

/**
 * Assigns each request an id (the client's own if it is harmless) and logs one line when its answer has ended: method, path,
 * status, milliseconds, the name of the API key, and of answers of the model their tokens and times. Queries, headers and
 * bodies are never logged, since they may hold credentials.
 */
export function accessLog(log: Log, running: RunningRequests): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    const receivedAtMs = performance.now();
    const given = context.req.header('x-request-id');
    const requestId = given !== undefined && validId.test(given) ? given : randomUUID();
    const record = new AnswerRecord(receivedAtMs);
    context.set('requestId', requestId);
    context.set('record', record);
    const target = `${context.req.method} ${pathOf(context.req.url)}`;
    const remove = running.add({ requestId, target, receivedAtMs, text: () => record.text });
    await next();
    context.header('x-request-id', requestId);
    const end = (): void => {
      remove();
      logAnswer(context, { log, requestId, receivedAtMs, record });
    };
    const { stream } = context.env;
    if (stream === undefined) end();
    else context.env.stream = { ...stream, send: (output) => stream.send(output).finally(end) };
  };
}

interface Logged {
  readonly log: Log;
  readonly requestId: string;
  readonly receivedAtMs: number;
  readonly record: AnswerRecord;
}

function logAnswer(context: Context<RequestContext>, { log, requestId, receivedAtMs, record }: Logged): void {
  const { method, url } = context.req;
  const { status } = context.res;
  const path = pathOf(url);
  const ms = performance.now() - receivedAtMs;
  const key = context.get('keyName');
  const error = context.error === undefined ? undefined : reasonOf(context.error);
  const answer = record.fields;
  const isLeft = context.env.incoming.socket.destroyed && error === undefined && answer.model !== undefined;
  const line = [
    `${requestId} ${method} ${path} ${String(status)} ${ms.toFixed(1)} ms`,
    key === undefined ? '' : ` by ${key}`,
    record.text,
    isLeft && answer.finishReasons === undefined ? ', the client left' : '',
    error === undefined ? '' : ` ${error}`,
  ].join('');
  const fields = { requestId, method, path, status, ms: Math.round(ms * 10) / 10, key, ...answer, error };
  log(status >= 500 ? 'warning' : 'info', line, fields);
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
