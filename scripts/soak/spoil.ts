import type { Random } from './random.ts';

const VALUES: readonly unknown[] = [null, -1, 1e308, '', 'x'.repeat(5000), [], {}, true, [[[]]], { a: { b: [null] } }];

/** A body that is wrong somewhere, or not JSON at all. It may be right by chance. */
export function spoilt(body: object, random: Random): string | Uint8Array {
  const json = JSON.stringify(body);
  const at = random.below(json.length);
  switch (random.below(6)) {
    case 0:
      return json.slice(0, at);
    case 1:
      return json.slice(0, at) + random.pick(['"', '{', '\\', '\u0000', '\ud800', ',']) + json.slice(at + 1);
    case 2:
      return '['.repeat(1 + random.below(100_000));
    case 3:
      return Uint8Array.from({ length: 1 + random.below(200) }, () => random.below(256));
    case 4:
      return JSON.stringify({ ...body, [random.pick(['nobody_knows', '__proto__', 'model'])]: random.pick(VALUES) });
    default:
      return JSON.stringify({ ...body, [random.pick(Object.keys(body))]: random.pick(VALUES) });
  }
}

/** What goes over a connection instead of a request. `leaves`: without waiting for an answer. */
export interface RawConnection {
  readonly bytes: string;
  readonly leaves: boolean;
}

function head(...lines: readonly string[]): string {
  return ['POST /v1/chat/completions HTTP/1.1', 'Host: localhost', ...lines, '', ''].join('\r\n');
}

/** Requests that are no HTTP, are ambiguous, or never end. */
export function rawConnection(random: Random): RawConnection {
  const get = 'GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n';
  return random.pick<RawConnection>([
    { bytes: 'GET /v1/models HTTP/1.1\r\nHost: local', leaves: true },
    { bytes: '\u0016\u0003\u0001\u0002 not TLS', leaves: false },
    { bytes: head('Content-Length: 5', 'Transfer-Encoding: chunked') + '0\r\n\r\n', leaves: false },
    { bytes: head('Content-Length: 5', 'Content-Length: 6') + '{}', leaves: false },
    { bytes: head('Transfer-Encoding: chunked') + 'zz\r\n', leaves: false },
    { bytes: head('Content-Length: 100000') + '{"messages":', leaves: true },
    { bytes: head(`X-Long: ${'a'.repeat(40_000)}`), leaves: false },
    {
      bytes: head('Content-Type: application/json', 'Content-Encoding: gzip', 'Content-Length: 4') + 'text',
      leaves: false,
    },
    { bytes: get.repeat(5), leaves: random.chance(0.5) },
    { bytes: 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', leaves: false },
  ]);
}
