const TAG = /:[^/:]*$/;
const LATEST = ':latest';

/** The name as Ollama's clients list it: always with a tag, which is `latest` unless it has another. */
export function taggedName(name: string): string {
  return TAG.test(name) ? name : name + LATEST;
}

/** The served name, if the given one is the same with or without `:latest`; else the given one. */
export function servedNameOf(given: string | undefined, served: string): string | undefined {
  return given !== undefined && taggedName(given) === taggedName(served) ? served : given;
}
