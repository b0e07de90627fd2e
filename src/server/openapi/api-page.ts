import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import type { RequestContext } from '../access-log.ts';

/** Of `npm run build`; tests run the TypeScript in src, and take it from dist. */
const FOLDERS = ['swagger-ui', '../../../dist/src/server/openapi/swagger-ui'];

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>vserve API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="page"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#page', deepLinking: true, tryItOutEnabled: true });
`;

/** Nothing from elsewhere: the page works without a network. Swagger UI sets styles of its own. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** `GET /docs`: the API's description as a page, by Swagger UI. */
export function apiPageRoutes(): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  const files = new Map<string, Promise<Buffer>>();
  routes.get('/docs', (context) => context.body(PAGE, 200, headersOf('text/html')));
  routes.get('/docs/start.js', (context) => context.body(START, 200, headersOf('text/javascript')));
  for (const [name, type] of [
    ['swagger-ui.css', 'text/css'],
    ['swagger-ui-bundle.js', 'text/javascript'],
  ] as const) {
    routes.get(`/docs/${name}`, async (context) => {
      const reading = files.get(name) ?? readFirst(name);
      files.set(name, reading);
      return context.body(new Uint8Array(await reading), 200, headersOf(type));
    });
  }
  return routes;
}

function headersOf(type: string): Record<string, string> {
  return {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  };
}

async function readFirst(name: string): Promise<Buffer> {
  const [built = '', whileTesting = ''] = FOLDERS.map((folder) => join(import.meta.dirname, folder, name));
  return readFile(built).catch(() => readFile(whileTesting));
}
