import type { Hono } from 'hono';
import { generateSpecs } from 'hono-openapi';
import type { RequestContext } from '../access-log.ts';
import type { ApiKeys } from '../api-keys.ts';

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
} as const;

/**
 * `GET /openapi.json`: what the routes of `app` take and give. It is made at the first request. Whether keys are needed may
 * change while the server runs.
 */
export function addDescription(app: Hono<RequestContext>, version: string, keys: ApiKeys): void {
  let document: Promise<object> | undefined;
  app.get('/openapi.json', async (context) => {
    document ??= describe(app, version);
    return context.json({ ...(await document), security: keys.areRequired ? [{ bearer: [] }, { apiKey: [] }] : [] });
  });
}

function describe(app: Hono<RequestContext>, version: string): Promise<object> {
  return generateSpecs(app, {
    documentation: {
      openapi: '3.1.0',
      info: { title: 'vserve', version, description: 'Vision models, served from one machine.' },
      components: { securitySchemes: SECURITY_SCHEMES },
    },
  });
}
