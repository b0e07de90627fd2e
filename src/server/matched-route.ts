import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import { routeName } from './route-paths.ts';

/** The name of the route that a request came to, as documented: `/v1/models/{id}`. Undefined if there is none. */
export function routeOf(context: Context): string | undefined {
  const route = matchedRoutes(context).find(({ path }) => !path.endsWith('*'));
  return route === undefined ? undefined : routeName(route.path);
}
