import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { RoutePaths, routeName } from '../../src/server/route-paths.ts';

function pathsOf(...routes: readonly string[]): RoutePaths {
  const app = new Hono();
  app.use(async (_context, next) => next());
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ');
    app.on(method, path, (context) => context.text(''));
  }
  const paths = new RoutePaths();
  paths.add(app.routes);
  return paths;
}

const paths = pathsOf(
  'POST /v1/responses',
  'GET /v1/responses/:id',
  'DELETE /v1/responses/:id',
  'POST /v1/responses/:id/cancel',
  'GET /v1/models/:name{.+}',
  'GET /api/tags',
  'GET /health',
);

describe('the path of a route', () => {
  it.each([
    ['/v1/responses', '/v1/responses'],
    ['/responses/', '/v1/responses'],
    ['//v1//v1/v1/responses//', '/v1/responses'],
    ['/responses/resp_1', '/v1/responses/resp_1'],
    ['/v1/v1/responses/resp_1/cancel', '/v1/responses/resp_1/cancel'],
    ['/models/a/b', '/v1/models/a/b'],
    ['/v1/api/tags', '/api/tags'],
    ['/v1/health', '/health'],
    // What is nowhere stays as it is.
    ['/v1/responses/a/b', '/v1/responses/a/b'],
    ['/v1x/responses', '/v1x/responses'],
    ['/', '/'],
    ['/v1', '/v1'],
  ])('is found for %s', (given, expected) => {
    expect(paths.resolve(given)).toBe(expected);
  });

  it('is documented with its parameters', () => {
    expect(routeName('/v1/responses/:id/cancel')).toBe('/v1/responses/{id}/cancel');
    expect(routeName('/v1/models/:name{.+}')).toBe('/v1/models/{name}');
  });

  it('has all its methods', () => {
    const { methods } = paths.all.find(({ path }) => path === '/v1/responses/:id') ?? {};
    expect(methods).toEqual(['GET', 'DELETE']);
  });
});

describe('the nearest route', () => {
  it.each([
    ['/v1/response', 'POST /v1/responses'],
    ['/api/tag', 'GET /api/tags'],
    ['/v1/respones/r/cancel', 'POST /v1/responses/{id}/cancel'],
    ['/favicon.ico', undefined],
    ['/', undefined],
  ])('to %s', (given, expected) => {
    expect(paths.nearest(given)).toBe(expected);
  });
});
