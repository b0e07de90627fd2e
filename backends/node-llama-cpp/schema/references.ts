import type { JsonValue } from '../../../src/backend/index.ts';
import { isList, isObject } from './json-kinds.ts';
import { memberOf, refuse } from './refuse.ts';

/** The places of a schema that its references point to. */
export class References {
  readonly #root: JsonValue;
  readonly #path: string;

  /** `path`: of the schema in the request. */
  constructor(root: JsonValue, path: string) {
    this.#root = root;
    this.#path = path;
  }

  /** Throws `invalid_request` with `at`, the path of the reference, if it points to nothing. */
  target(pointer: string, at: string): JsonValue {
    let target: JsonValue | undefined = this.#root;
    for (const part of segmentsOf(pointer, at)) {
      target = isList(target)
        ? target[Number(part)]
        : isObject(target) && Object.hasOwn(target, part)
          ? target[part]
          : undefined;
    }
    return target ?? refuse(at, `The $ref ${JSON.stringify(pointer)} points to nothing in the schema.`);
  }

  pathOf(pointer: string): string {
    return segmentsOf(pointer, this.#path).reduce((path, part) => memberOf(path, part), this.#path);
  }

  /** What a schema that may be a reference, to another one even, stands for. */
  resolved(schema: JsonValue): JsonValue {
    const seen = new Set<string>();
    let at = schema;
    while (isObject(at) && typeof at['$ref'] === 'string' && at['$ref'].startsWith('#') && !seen.has(at['$ref'])) {
      seen.add(at['$ref']);
      at = this.target(at['$ref'], this.#path);
    }
    return at;
  }
}

function segmentsOf(pointer: string, at: string): readonly string[] {
  const path = pointer.slice(1);
  if (path === '') return [];
  if (!path.startsWith('/'))
    return refuse(at, 'A $ref has to be a path, as "#/$defs/name": anchors are not supported.');
  try {
    return decodeURIComponent(path)
      .slice(1)
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return refuse(at, `The $ref ${JSON.stringify(pointer)} is not well-formed.`);
  }
}
