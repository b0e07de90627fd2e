import type { Hono } from 'hono';
import { generateSpecs } from 'hono-openapi';
import type { RequestContext } from '../access-log.ts';

/** `GET /openapi.json`: what the routes of `app` take and give. It is made at the first request. */
export function addDescription(app: Hono<RequestContext>, version: string): void {
  let text: Promise<string> | undefined;
  app.get('/openapi.json', async (context) => {
    text ??= describe(app, version);
    return context.body(await text, 200, { 'content-type': 'application/json' });
  });
}

async function describe(app: Hono<RequestContext>, version: string): Promise<string> {
  const document = await generateSpecs(app, {
    documentation: {
      openapi: '3.1.0',
      info: { title: 'vserve', version, description: 'Vision models, served from one machine.' },
    },
  });
  return JSON.stringify(document);
}
