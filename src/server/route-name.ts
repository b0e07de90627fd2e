/** The path of a route as documented: `/v1/models/{id}`. */
export function routeName(path: string): string {
  return path.replace(/:id(?:\{[^/]*\})?/, '{id}');
}
