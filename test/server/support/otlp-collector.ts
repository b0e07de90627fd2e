import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface CollectedSpan {
  readonly traceId: string;
  readonly id: string;
  /** Empty for none. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2 is an error. */
  readonly status: number;
  /** Attributes of what made it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Collector {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** Path and content type of each export. */
  readonly exports: readonly string[];
}

/** A collector of OTLP over HTTP with protobuf, on a free port of 127.0.0.1 until the end of the test. */
export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const exports: string[] = [];
  const collect = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    spans.push(...spansOf(await buffer(request)));
    exports.push(`${String(request.url)} ${String(request.headers['content-type'])}`);
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  };
  const server = createServer((request, response) => {
    void collect(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, spans, exports };
}

type Fields = ReadonlyMap<number, readonly (Buffer | bigint)[]>;

/** The fields of a protobuf message, by number. */
function fieldsOf(message: Buffer): Fields {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (bytes: number): Buffer => message.subarray(at, (at += bytes));
  const valueOf = (type: number): Buffer | bigint => {
    if (type === 0) return varint();
    if (type === 1) return take(8).readBigUInt64LE();
    if (type === 5) return BigInt(take(4).readUInt32LE());
    return take(Number(varint()));
  };
  while (at < message.length) {
    const tag = Number(varint());
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), valueOf(tag & 7)]);
  }
  return fields;
}

const messages = (fields: Fields, number: number): Buffer[] =>
  (fields.get(number) ?? []).filter((value) => typeof value !== 'bigint');
const bytes = (fields: Fields, number: number): Buffer => messages(fields, number)[0] ?? Buffer.alloc(0);
const whole = (fields: Fields, number: number): bigint => (fields.get(number)?.[0] ?? 0n) as bigint;

function spansOf(request: Buffer): CollectedSpan[] {
  return messages(fieldsOf(request), 1).flatMap((resourceSpans) => {
    const fields = fieldsOf(resourceSpans);
    const resource = attributesOf(fieldsOf(bytes(fields, 1)), 1);
    const scopes = messages(fields, 2).map(fieldsOf);
    return scopes.flatMap((scope) => messages(scope, 2).map((span) => spanOf(fieldsOf(span), resource)));
  });
}

function spanOf(span: Fields, resource: CollectedSpan['resource']): CollectedSpan {
  return {
    traceId: bytes(span, 1).toString('hex'),
    id: bytes(span, 2).toString('hex'),
    parentId: bytes(span, 4).toString('hex'),
    name: bytes(span, 5).toString(),
    kind: Number(whole(span, 6)),
    fromMs: Number(whole(span, 7)) / 1e6,
    toMs: Number(whole(span, 8)) / 1e6,
    attributes: attributesOf(span, 9),
    status: Number(whole(fieldsOf(bytes(span, 15)), 3)),
    resource,
  };
}

function attributesOf(message: Fields, number: number): Record<string, unknown> {
  const pairs = messages(message, number).map(fieldsOf);
  return Object.fromEntries(pairs.map((pair) => [bytes(pair, 1).toString(), valueOf(fieldsOf(bytes(pair, 2)))]));
}

function valueOf(value: Fields): unknown {
  if (value.has(2)) return whole(value, 2) === 1n;
  if (value.has(3)) return Number(whole(value, 3));
  if (value.has(4)) {
    const bits = Buffer.alloc(8);
    bits.writeBigUInt64LE(whole(value, 4));
    return bits.readDoubleLE();
  }
  if (value.has(5)) return messages(fieldsOf(bytes(value, 5)), 1).map((item) => valueOf(fieldsOf(item)));
  return bytes(value, 1).toString();
}
