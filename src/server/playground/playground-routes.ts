import { extname } from 'node:path';
import type { MiddlewareHandler } from 'hono';
import { Hono } from 'hono';
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import { readPlayground } from './playground-files.ts';
import type { PlaygroundFiles } from './playground-files.ts';

/**
 * Everything comes from this server, and nothing that stands in the page itself is run: a model's answer, which may say
 * what a stranger's picture told it to, can neither run scripts nor fetch anything from elsewhere.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types dompurify',
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** Assets are named by their contents: a name never means anything else. */
const FOREVER = 'public, max-age=31536000, immutable';

/**
 * The playground: a page at `/` for browsers, and what it loads from `/playground/`. It holds no secrets, and asks for the
 * API key itself, so it needs none. `/` is left to other routes where no page is asked for.
 */
export function playgroundRoutes(): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  let reading: Promise<PlaygroundFiles> | undefined;
  const files = (): Promise<PlaygroundFiles> =>
    (reading ??= readPlayground().catch((error: unknown) => {
      // There may be open files to spare the next time.
      reading = undefined;
      throw error;
    }));
  // No route of its own: the path is not one that takes GET only.
  routes.use('/', pageForBrowsers(files));
  routes.get('/playground/:name', async (context) => {
    const name = context.req.param('name');
    const asset = (await files()).assets.get(name);
    if (asset === undefined) throw new VserveError('route_not_found', `The playground has no file ${name}.`);
    return context.body(asset, 200, {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'cache-control': FOREVER,
      'x-content-type-options': 'nosniff',
    });
  });
  return routes;
}

function pageForBrowsers(files: () => Promise<PlaygroundFiles>): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    const isRead = context.req.method === 'GET' || context.req.method === 'HEAD';
    if (!isRead || context.req.header('accept')?.includes('text/html') !== true) {
      await next();
      return undefined;
    }
    const { html } = await files();
    return context.body(html, 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
      vary: 'Accept',
    });
  };
}
