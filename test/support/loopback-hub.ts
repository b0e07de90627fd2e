import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

export interface HostedFile {
  readonly content: Buffer;
  /** In LFS: known by its SHA-256, and sent by another host. */
  readonly lfs: boolean;
}

/** A request that came in. */
export interface SeenRequest {
  /** `hub` answers the API and redirects to `cdn`, which has another origin and the large files. */
  readonly host: 'hub' | 'cdn';
  /** Without the query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** The bytes asked for, the end included; undefined without a `Range`. */
  readonly range: readonly [number, number] | undefined;
  /** Bytes of a file sent so far. */
  bytesSent: number;
}

/** What goes wrong with one answer. */
export interface Fault {
  /** Answers with this status and these headers, and no content. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers with this instead. */
  readonly json?: unknown;
  /** Sends no content before this. */
  readonly heldUntil?: Promise<void>;
  /** Breaks the connection after so many bytes of the content. */
  readonly cutAfter?: number;
  /** Does so no sooner than this. */
  readonly cutWhen?: Promise<void>;
  /** Sends no more after so many bytes, and leaves the connection open. */
  readonly stallAfter?: number;
  /** Turns over the bits of one byte of the content, counted from its start. */
  readonly corruptAt?: number;
  readonly ignoreRange?: boolean;
  /** Leaves so many bytes out at the end, and says so in Content-Length. */
  readonly shortBy?: number;
  readonly bytesPerSecond?: number;
}

export interface HubOptions {
  readonly repository?: string;
  readonly files: ReadonlyMap<string, HostedFile>;
  /** Branches and tags. */
  readonly refs?: Readonly<Record<string, string>>;
  /** The tokens that are known, and whether their accounts may read the repository. */
  readonly tokens?: Readonly<Record<string, boolean>>;
  readonly gated?: boolean;
  /** Says what goes wrong with a request. */
  readonly fault?: (request: SeenRequest) => Fault | undefined;
}

export interface LoopbackHub {
  readonly url: string;
  readonly cdnUrl: string;
  readonly requests: SeenRequest[];
  /** The requests for the content of a file. */
  requestsFor(path: string): SeenRequest[];
  options: HubOptions;
  close(): Promise<void>;
}

/** The files of a folder as the Hub would host them: those over 100 kB in LFS. */
export function hostedFolder(folder: string): Map<string, HostedFile> {
  return new Map(
    readdirSync(folder).map((name) => {
      const content = readFileSync(join(folder, name));
      return [name, { content, lfs: content.length > 100_000 }];
    }),
  );
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

export function gitHash(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

/** Starts a Hub on loopback, with its content host on another port. The caller closes it. */
export async function startLoopbackHub(initial: HubOptions): Promise<LoopbackHub> {
  const requests: SeenRequest[] = [];
  const cdn = createServer((request, response) => answer('cdn', request, response));
  const server = createServer((request, response) => answer('hub', request, response));
  const cdnUrl = await listen(cdn);
  const url = await listen(server);
  const hub: LoopbackHub = {
    url,
    cdnUrl,
    requests,
    requestsFor: (path) => requests.filter((seen) => seen.path.endsWith(`/${path}`) && !seen.path.startsWith('/api/')),
    options: initial,
    async close() {
      for (const each of [server, cdn]) {
        each.close();
        each.closeAllConnections();
        await once(each, 'close');
      }
    },
  };

  function answer(host: SeenRequest['host'], request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const seen: SeenRequest = {
      host,
      path: decodeURIComponent(pathname),
      authorization: request.headers.authorization,
      range: first === undefined ? undefined : [Number(first), Number(last)],
      bytesSent: 0,
    };
    requests.push(seen);
    const fault = hub.options.fault?.(seen);
    if (fault !== undefined && 'json' in fault) {
      response.writeHead(200, { 'content-type': 'application/json', ...fault.headers });
      response.end(JSON.stringify(fault.json));
      return;
    }
    if (fault?.status !== undefined) {
      response.writeHead(fault.status, fault.headers).end();
      return;
    }
    const { repository = 'org/shapes', files, refs = { main: COMMIT } } = hub.options;
    const refusal = host === 'hub' ? refusalOf(seen, hub.options) : undefined;
    if (refusal !== undefined) {
      const [status, code] = refusal;
      response.writeHead(status, code === undefined ? {} : { 'x-error-code': code }).end('{}');
      return;
    }
    const json = (value: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    };
    const revisionOf = (text: string | undefined): string | undefined =>
      text === COMMIT || Object.values(refs).includes(text ?? '') ? text : refs[text ?? ''];
    const [, revision] = /^\/api\/models\/[^/]+\/[^/]+\/revision\/(.+)$/.exec(seen.path) ?? [];
    const [, treeRevision] = /^\/api\/models\/[^/]+\/[^/]+\/tree\/([^/]+)$/.exec(seen.path) ?? [];
    const [, fileRevision, path] = /^\/[^/]+\/[^/]+\/resolve\/([^/]+)\/(.+)$/.exec(seen.path) ?? [];
    const sha = revisionOf(revision ?? treeRevision ?? fileRevision);
    if (sha === undefined) {
      response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end('{}');
    } else if (revision !== undefined) {
      json({ _id: '1', id: repository, private: false, lastModified: '2025-01-01T00:00:00.000Z', sha });
    } else if (treeRevision !== undefined) {
      const entries = [...files].map(([name, file]) => listed(name, file));
      const page = Number(searchParams.get('cursor') ?? 0);
      const next = `<${url}${pathname}?recursive=true&cursor=${page + 5}>; rel="next"`;
      json(entries.slice(page, page + 5), page + 5 < entries.length ? { link: next } : {});
    } else {
      sendFile(host, path ?? '', sha, seen, fault ?? {}, response);
    }
  }

  function sendFile(
    host: string,
    path: string,
    commit: string,
    seen: SeenRequest,
    fault: Fault,
    response: ServerResponse,
  ): void {
    const file = hub.options.files.get(path);
    if (file === undefined) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
      return;
    }
    if (file.lfs && host === 'hub') {
      response.writeHead(302, {
        location: `${cdnUrl}${seen.path}?signature=secret`,
        'x-repo-commit': commit,
        'x-linked-size': String(file.content.length),
        'x-linked-etag': `"${sha256(file.content)}"`,
      });
      response.end('Found');
      return;
    }
    const total = file.content.length;
    const range = fault.ignoreRange === true ? undefined : seen.range;
    if (range !== undefined && range[0] >= total) {
      response.writeHead(416, { 'content-range': `bytes */${total}` }).end();
      return;
    }
    const [start, end] = range === undefined ? [0, total] : [range[0], Math.min(range[1] + 1, total)];
    const content = Buffer.from(file.content.subarray(start, end - (fault.shortBy ?? 0)));
    if (fault.corruptAt !== undefined && fault.corruptAt >= start && fault.corruptAt < end) {
      content.writeUInt8(content.readUInt8(fault.corruptAt - start) ^ 0xff, fault.corruptAt - start);
    }
    response.writeHead(range === undefined ? 200 : 206, {
      'content-length': content.length,
      etag: file.lfs ? '"an-etag-of-the-cdn"' : `W/"${gitHash(file.content)}"`,
      ...(host === 'hub' ? { 'x-repo-commit': commit } : {}),
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${total}` }),
      ...fault.headers,
    });
    void sendContent(content, seen, fault, response);
  }

  return hub;
}

async function sendContent(content: Buffer, seen: SeenRequest, fault: Fault, response: ServerResponse): Promise<void> {
  const { heldUntil, cutAfter = Infinity, cutWhen, stallAfter = Infinity, bytesPerSecond } = fault;
  await heldUntil;
  const last = Math.min(content.length, cutAfter, stallAfter);
  const pieceBytes = bytesPerSecond === undefined ? 16_384 : Math.max(Math.floor(bytesPerSecond / 20), 1);
  while (seen.bytesSent < last && !response.destroyed) {
    const piece = content.subarray(seen.bytesSent, Math.min(seen.bytesSent + pieceBytes, last));
    seen.bytesSent += piece.length;
    if (!response.write(piece)) {
      const settled = new AbortController();
      const events = ['drain', 'close'].map((name) => once(response, name, { signal: settled.signal }));
      await Promise.race(events).catch(() => undefined);
      settled.abort();
      await Promise.allSettled(events);
    }
    if (bytesPerSecond !== undefined) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (last === content.length) {
    response.end();
  } else if (cutAfter <= stallAfter) {
    await cutWhen;
    response.destroy();
  }
}

/** Who is refused what, as the Hub does it: the list of a gated repository is public, its files are not. */
function refusalOf(seen: SeenRequest, options: HubOptions): [number, string?] | undefined {
  const { repository = 'org/shapes', tokens = {}, gated = false } = options;
  const token = seen.authorization?.replace('Bearer ', '');
  const mayRead = token === undefined ? undefined : tokens[token];
  if (token !== undefined && mayRead === undefined && Object.keys(tokens).length > 0) return [401];
  if (!seen.path.includes(`/${repository}/`))
    return token === undefined ? [401, 'RepoNotFound'] : [404, 'RepoNotFound'];
  if (!gated || seen.path.startsWith('/api/') || mayRead === true) return undefined;
  return token === undefined ? [401, 'GatedRepo'] : [403, 'GatedRepo'];
}

function listed(path: string, { content, lfs }: HostedFile): object {
  const base = { type: 'file', path, size: content.length, oid: gitHash(content) };
  if (!lfs) return base;
  return { ...base, xetHash: sha256(content), lfs: { oid: sha256(content), size: content.length, pointerSize: 134 } };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
