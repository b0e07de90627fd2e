import { describe, expect, it, onTestFinished } from 'vitest';
import { openServer } from '../../src/server/index.ts';
import { send } from './support/http.ts';
import { serve } from './support/serve.ts';
import { serverSettings } from './support/settings.ts';

/** As browsers ask for a page. */
const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-site': 'none' };

/** What the page loads. */
function referencesIn(html: string): string[] {
  return [...html.matchAll(/<(?:script|link)\b[^>]*(?:src|href)="([^"]+)"/g)]
    .map(([, reference = '']) => reference)
    .filter((reference) => !reference.startsWith('data:'));
}

describe('the playground', () => {
  it('is what browsers find at the root, and all it loads is here', async () => {
    const { url } = await serve();
    const page = await send(url, { headers: browser });
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const references = referencesIn(page.text);
    expect(new Set(references.map((reference) => reference.split('.').at(-1)))).toEqual(new Set(['css', 'js']));
    let bytes = 0;
    for (const reference of references) {
      const asset = await send(new URL(reference, `${url}/`).href);
      expect([reference, asset.status, asset.headers['cache-control']]).toEqual([
        reference,
        200,
        'public, max-age=31536000, immutable',
      ]);
      bytes += asset.text.length;
    }
    expect(bytes).toBeLessThan(250_000);
  });

  it('runs nothing that stands in the page, and loads nothing from elsewhere', async () => {
    const { url } = await serve();
    const { headers, text } = await send(url, { headers: browser });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['vary']).toContain('Accept');
  });

  it('needs no key, since it asks for one; what it asks for does', async () => {
    const { url } = await serve({ settings: { apiKeys: ['secret'] } });
    const page = await send(url, { headers: browser });
    expect(page.status).toBe(200);
    const [script = ''] = referencesIn(page.text);
    expect((await send(new URL(script, `${url}/`).href)).status).toBe(200);
    expect((await send(`${url}/v1/models`)).status).toBe(401);
    expect((await send(url)).status).toBe(401);
  });

  it('is there before the model is', async () => {
    const server = await openServer({
      hosts: ['127.0.0.1'],
      port: 0,
      metricsPort: undefined,
      version: '1.2.3',
      settings: serverSettings(),
      log: () => undefined,
    });
    onTestFinished(() => server.close());
    expect((await send(server.url, { headers: browser })).status).toBe(200);
    expect((await send(server.url)).status).toBe(503);
  });

  it('leaves the root to others, who ask for no page', async () => {
    const { url } = await serve();
    expect(await send(url)).toMatchObject({ status: 200, text: 'Ollama is running' });
    expect((await send(url, { method: 'HEAD' })).status).toBe(200);
    expect((await send(url, { method: 'OPTIONS' })).status).toBe(204);
    expect((await send(url, { method: 'POST', headers: browser, body: '{}' })).status).not.toBe(200);
    const withoutOllama = await serve({ settings: { apiTypes: ['openai'] } });
    expect((await send(withoutOllama.url)).status).toBe(404);
  });

  it('is off where the server has none', async () => {
    const { url } = await serve({ settings: { playground: false } });
    const page = await send(url, { headers: browser });
    expect([page.status, page.headers['content-type']]).not.toEqual([200, 'text/html; charset=utf-8']);
  });

  it('has no other files', async () => {
    const { url } = await serve();
    for (const path of ['/playground/nothing.js', '/playground/..%2findex.html', '/playground/']) {
      expect([path, (await send(url, { path })).status]).toEqual([path, 404]);
    }
  });

  it('is not for pages of other sites', async () => {
    const { url } = await serve();
    const headers = {
      ...browser,
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': 'iframe',
    };
    expect((await send(url, { headers })).status).toBe(403);
  });
});
