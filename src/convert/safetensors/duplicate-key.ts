/**
 * The first key that some object of a JSON text holds twice, or undefined. `JSON.parse` keeps the last one silently;
 * in a safetensors header that would let one name stand for two byte ranges. `json` must already have parsed.
 */
export function duplicateKey(json: string): string | undefined {
  const keysOfOpenObjects: (Set<string> | undefined)[] = [];
  for (const { 0: token } of json.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/gs)) {
    if (token === '{') keysOfOpenObjects.push(new Set());
    else if (token === '[') keysOfOpenObjects.push(undefined);
    else if (token === '}' || token === ']') keysOfOpenObjects.pop();
    else if (token.endsWith(':')) {
      const key = String(JSON.parse(token.slice(0, -1)));
      const keys = keysOfOpenObjects.at(-1);
      if (keys?.has(key) === true) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
