/** Properties that an object's schema does not name one by one: by patterns, or all others. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { countsOf } from './counts.ts';
import { objectAt, textAt } from './json-kinds.ts';
import { isSame } from './merge.ts';
import { languageOf, languageOfLengths } from './pattern.ts';
import { UnsupportedPattern } from './pattern-characters.ts';
import { memberOf, refuse } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';
import { TextLanguage } from './text-language.ts';
import { automatonUnits, type WorkBudget } from './work-budget.ts';

/** Names, and the schema of the properties that have one of them. */
interface NameClass {
  readonly names: TextLanguage;
  readonly schema: JsonValue;
  readonly path: string;
}

/** Classes of names that properties may have. No name is in two of them. */
export class OtherProperties {
  readonly #patterns: readonly NameClass[];

  /** Reads `patternProperties`. Throws `invalid_request` where two patterns with different schemas match one name. */
  constructor(schema: JsonObject, path: string, budget: WorkBudget) {
    const at = memberOf(path, 'patternProperties');
    const written = schema['patternProperties'] === undefined ? {} : objectAt(schema['patternProperties'], at);
    const classes: NameClass[] = [];
    for (const [pattern, inner] of Object.entries(written)) {
      const place = memberOf(at, pattern);
      const names = namesOf(pattern, place, budget);
      const isAlike = classes.some((other) => !isSame(other.schema, inner) && !other.names.both(names).isEmpty);
      if (isAlike) refuse(place, 'Two patterns with different schemas match the same names. Write them as one.');
      const own = classes.reduce((rest, other) => rest.without(other.names), names);
      classes.push({ names: own, schema: inner, path: place });
    }
    this.#patterns = classes;
  }

  /** What the patterns that match a name say about its property. */
  schemasOf(name: string): readonly JsonValue[] {
    return this.#patterns.filter(({ names }) => names.includes(name)).map(({ schema }) => schema);
  }

  /**
   * A property for llama.cpp's converter for each class that has names, besides those that are `named`, among the `allowed`
   * ones. The engine replaces their names, and the rule of additional properties by all of these. `additional` is the schema
   * of names that no pattern matches; false where there are none.
   */
  placeholders(
    { named, allowed, additional, path }: Others,
    { any, leaves }: Pick<SchemaReader, 'any' | 'leaves'>,
  ): [string, JsonObject][] {
    const free = allowed.without(TextLanguage.ofTexts(named));
    const unmatched = this.#patterns.reduce((names, pattern) => names.without(pattern.names), TextLanguage.any());
    const rest = { names: unmatched, schema: additional, path: memberOf(path, 'additionalProperties') };
    return [...this.#patterns, rest].flatMap(({ names, schema, path }): [string, JsonObject][] => {
      const rule = schema === false ? undefined : names.both(free).rule(leaves, 'json');
      if (rule === undefined) return [];
      // One of its own, even where another object has the same.
      const name = leaves.reserve();
      leaves.define(name, `"\\"" ${rule} "\\""`);
      return [[name, any(schema, path)]];
    });
  }
}

interface Others {
  readonly named: Iterable<string>;
  readonly allowed: TextLanguage;
  readonly additional: JsonValue;
  readonly path: string;
}

function namesOf(pattern: string, at: string, budget: WorkBudget): TextLanguage {
  budget.spend(automatonUnits, at);
  try {
    return languageOf(pattern);
  } catch (error) {
    if (error instanceof UnsupportedPattern) refuse(at, `The pattern is not supported: ${error.message}.`);
    throw error;
  }
}

/** The names that a schema of names allows by a pattern or their length; undefined for any. */
export function allowedNames(names: JsonObject, path: string, budget: WorkBudget): TextLanguage | undefined {
  const { type, pattern, minLength, maxLength, ...rest } = names;
  if (type !== undefined && type !== 'string') refuse(path, 'The name of a property is a string.');
  const [other] = Object.keys(rest);
  if (other !== undefined)
    refuse(
      memberOf(path, other),
      `The schema's keyword propertyNames is supported with an enum, a pattern or a length only.`,
    );
  if (pattern === undefined && minLength === undefined && maxLength === undefined) return undefined;
  const at = memberOf(path, 'pattern');
  const found = pattern === undefined ? TextLanguage.any() : namesOf(textAt(pattern, at), at, budget);
  return found.both(languageOfLengths(countsOf(names, ['minLength', 'maxLength'], path)));
}
