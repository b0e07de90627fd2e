import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { arraySchema } from './array-schema.ts';
import { unconditional } from './conditions.ts';
import { withoutIdleContains } from './contains.ts';
import { checkEnds } from './endless.ts';
import { exclusiveAlternatives } from './exclusive.ts';
import { booleanAt, isObject, listAt, objectAt, textAt } from './json-kinds.ts';
import { assertions, type TypeName, typesOfKeywords } from './keywords.ts';
import { LeafRules } from './leaf-rules.ts';
import { merge, sizeOf } from './merge.ts';
import { numberSchema } from './number-schema.ts';
import { objectSchema } from './object-schema.ts';
import { References } from './references.ts';
import { memberOf, NoValue, refuse, refuseEmpty } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';
import { stringSchema } from './string-schema.ts';
import { typesAt, valueSchema } from './value-schema.ts';
import { checkContraries, checkSeen, evaluated } from './unevaluated.ts';
import type { WorkBudget } from './work-budget.ts';

/** A schema that llama.cpp's converter keeps to the letter, and rules for the rest: see `LeafRules`. */
export interface CompiledSchema {
  readonly schema: JsonObject;
  readonly leaves: LeafRules;
  /** Whether the outermost object may have properties whose names are not listed, but of certain forms. */
  readonly hasNameForms: boolean;
}

const mostDepth = 64;
/** Of reading one part of a schema. Its rules are named by its path. */
const unitsPerPart = 50;

/**
 * Checks a JSON Schema, and rewrites it. All that it says is kept; what is not said may be narrowed: without
 * `additionalProperties` an object has no others, and a property stands where the schema has it. Throws `invalid_request`
 * whose `param` is a path that begins with `path`, about what cannot be kept, or could never be fulfilled, and `OutOfWork`.
 */
export function compileSchema(schema: JsonValue, path: string, budget: WorkBudget): CompiledSchema {
  return new SchemaCompiler(schema, path, new LeafRules(JSON.stringify(schema)), budget).compile();
}

interface Definition {
  readonly name: string;
  readonly pointer: string;
  schema: JsonObject;
}

/** How a schema is opened that is to be merged with others. */
interface Opening {
  /** The references that were followed. */
  readonly opened: string[];
  readonly isAlone: boolean;
  /** What it is merged with. */
  readonly beside: JsonObject;
}

class SchemaCompiler implements SchemaReader {
  readonly leaves: LeafRules;
  readonly budget: WorkBudget;
  readonly #root: JsonValue;
  readonly #path: string;
  readonly #references: References;
  readonly #definitions = new Map<string, Definition>();
  /** References whose targets are merged with what stands beside them, from the outermost. */
  readonly #merging: string[] = [];
  /** Strings and numbers that were read, by what their schemas say. */
  readonly #known = new Map<string, JsonObject>();
  #depth = 0;
  /** Alternatives that are being read, one within the other. */
  #alternatives = 0;

  constructor(root: JsonValue, path: string, leaves: LeafRules, budget: WorkBudget) {
    this.leaves = leaves;
    this.budget = budget;
    this.#root = root;
    this.#path = path;
    this.#references = new References(root, path);
  }

  compile(): CompiledSchema {
    const root = this.any(this.#root, this.#path);
    const definitions = Object.fromEntries([...this.#definitions.values()].map(({ name, schema }) => [name, schema]));
    checkEnds(root, definitions, this.#path);
    const hasNameForms = Object.keys(isObject(root['properties']) ? root['properties'] : {}).some((name) =>
      this.leaves.has(name),
    );
    // The converter names the rules of the outermost object's properties as these, and so would name some as ours, and one
    // without a name as the outermost.
    const isApart = hasNameForms || (isObject(root['properties']) && Object.hasOwn(root['properties'], ''));
    const outermost = isApart ? { $ref: '#/$defs/root' } : root;
    const all = isApart ? { ...definitions, root } : definitions;
    const schema = Object.keys(all).length === 0 ? root : { ...outermost, $defs: all };
    return { schema, leaves: this.leaves, hasNameForms };
  }

  readonly any = (schema: JsonValue, path: string): JsonObject => {
    this.budget.spend(unitsPerPart + path.length, path);
    if (++this.#depth > mostDepth) refuse(path, `The schema is nested more than ${mostDepth} deep.`);
    try {
      if (schema === true) return {};
      if (schema === false) return refuseEmpty(path, 'The schema false allows no value.');
      return this.#read(this.#own(schema, path), path);
    } finally {
      this.#depth--;
    }
  };

  /** What was begun for a schema that no value fulfils is taken back. */
  readonly attempt = (schema: JsonValue, path: string): JsonObject | NoValue => {
    const [definitions, merging] = [this.#definitions.size, this.#merging.length];
    this.#alternatives++;
    try {
      return this.any(schema, path);
    } catch (error) {
      if (!(error instanceof NoValue)) throw error;
      for (const pointer of [...this.#definitions.keys()].slice(definitions)) this.#definitions.delete(pointer);
      this.#merging.length = merging;
      return error;
    } finally {
      this.#alternatives--;
    }
  };

  readonly resolved = (schema: JsonValue): JsonValue => this.#references.resolved(schema);

  get isAlternative(): boolean {
    return this.#alternatives > 0;
  }

  /** What a schema says of its values, without annotations and conditions. */
  #own(schema: JsonValue, path: string, beside?: JsonObject): JsonObject {
    const own = evaluated(withoutIdleContains(assertions(objectAt(schema, path), path)));
    checkContraries(own, path, this.resolved);
    return unconditional(own, path, this.resolved, beside);
  }

  /** Of a schema without annotations. */
  #read(schema: JsonObject, path: string): JsonObject {
    const { $ref, allOf, anyOf, oneOf, nullable, ...rest } = schema;
    if ($ref !== undefined) return this.#reference($ref, without(schema, '$ref'), path);
    if (nullable !== undefined) return this.#nullable(without(schema, 'nullable'), nullable, path);
    if (allOf !== undefined) return this.#all(allOf, without(schema, 'allOf'), path);
    if (anyOf !== undefined) return this.#one(anyOf, without(schema, 'anyOf'), memberOf(path, 'anyOf'));
    if (oneOf !== undefined) {
      const at = memberOf(path, 'oneOf');
      const list = listAt(oneOf, at);
      const alternatives = exclusiveAlternatives(list, at, this);
      if (alternatives !== list && rest['unevaluatedProperties'] !== undefined)
        refuse(at, 'Beside unevaluatedProperties, no value may be valid under two schemas of oneOf. Use anyOf.');
      return this.#one(alternatives, without(schema, 'oneOf'), at);
    }
    if (rest['const'] !== undefined) return valueSchema([rest['const']], without(rest, 'const'), path, this);
    if (rest['enum'] !== undefined) {
      const at = memberOf(path, 'enum');
      const values = listAt(rest['enum'], at);
      if (values.length === 0) refuseEmpty(at, 'An empty enum allows no value.');
      return valueSchema(values, without(rest, 'enum'), path, this);
    }
    return this.#typed(rest, path);
  }

  #reference($ref: JsonValue, beside: JsonObject, path: string): JsonObject {
    const at = memberOf(path, '$ref');
    const pointer = textAt($ref, at);
    if (!pointer.startsWith('#'))
      refuse(at, 'A $ref has to point into the schema itself, as "#/$defs/name": nothing is fetched.');
    const target = this.#references.target(pointer, at);
    if (Object.keys(beside).length === 0) return { $ref: `#/$defs/${this.#definition(pointer, target)}` };
    if (this.#merging.includes(pointer)) refuse(at, 'The $ref comes back to itself, each time with more beside it.');
    this.#merging.push(pointer);
    const inner = this.#own(target === true ? {} : target, this.#references.pathOf(pointer));
    checkSeen(inner, [beside], path);
    const merged = this.any(this.#merged(beside, inner, path), path);
    this.#merging.pop();
    return merged;
  }

  #definition(pointer: string, target: JsonValue): string {
    const known = this.#definitions.get(pointer);
    if (known !== undefined) return known.name;
    const definition: Definition = { name: `d${this.#definitions.size}`, pointer, schema: {} };
    this.#definitions.set(pointer, definition);
    definition.schema = this.any(target, this.#references.pathOf(pointer));
    return definition.name;
  }

  #nullable(schema: JsonObject, nullable: JsonValue, path: string): JsonObject {
    if (!booleanAt(nullable, memberOf(path, 'nullable'))) return this.#read(schema, path);
    return { anyOf: [this.#read(schema, path), { type: 'null' }] };
  }

  #all(allOf: JsonValue, beside: JsonObject, path: string): JsonObject {
    const at = memberOf(path, 'allOf');
    let merged = beside;
    const parts = listAt(allOf, at);
    const opened: string[] = [];
    const before = [beside];
    for (const [i, part] of parts.entries()) {
      const isAlone = parts.length === 1 && Object.keys(beside).length === 0;
      const inner = this.#opened(part, memberOf(at, i), { opened, isAlone, beside: merged });
      merged = this.#merged(merged, inner, path);
      before.push(inner);
    }
    for (const [i, part] of before.slice(1).entries())
      checkSeen(
        part,
        before.filter((other) => other !== part),
        memberOf(at, i),
      );
    this.#merging.push(...opened);
    const result = this.any(merged, path);
    this.#merging.length -= opened.length;
    return result;
  }

  /** A schema to be merged with others, which says in place what a reference points to. */
  #opened(schema: JsonValue, path: string, { opened, isAlone, beside }: Opening): JsonObject {
    if (schema === true) return {};
    if (schema === false) return refuseEmpty(path, 'The schema false allows no value.');
    const own = this.#own(schema, path, beside);
    if (own['$ref'] === undefined || isAlone) return own;
    const at = memberOf(path, '$ref');
    const pointer = textAt(own['$ref'], at);
    if (!pointer.startsWith('#')) return own;
    if (this.#merging.includes(pointer) || opened.includes(pointer)) refuse(at, 'The $ref comes back to itself.');
    if (opened.length > mostDepth) refuse(at, 'There are too many references, one behind the other.');
    opened.push(pointer);
    const target = this.#references.target(pointer, at);
    const inner = this.#opened(target, this.#references.pathOf(pointer), { opened, isAlone: false, beside });
    const besideIt = without(own, '$ref');
    checkSeen(inner, [besideIt], path);
    return this.#merged(besideIt, inner, path);
  }

  #merged(a: JsonObject, b: JsonObject, path: string): JsonObject {
    this.budget.spend(8 * sizeOf(a, b), path);
    return merge(a, b, path);
  }

  /** Alternatives, each with what stands beside them. Those that nothing fulfils are left out. */
  #one(list: JsonValue, beside: JsonObject, at: string): JsonObject {
    const alternatives = listAt(list, at);
    if (alternatives.length === 0) refuseEmpty(at, 'An empty list of alternatives allows no value.');
    const hasMore = Object.keys(beside).length > 0;
    // What they have not seen is known only once an alternative stands beside.
    const { unevaluatedProperties, unevaluatedItems, ...own } = beside;
    const unevaluated = {
      ...(unevaluatedProperties === undefined ? {} : { unevaluatedProperties }),
      ...(unevaluatedItems === undefined ? {} : { unevaluatedItems }),
    };
    const empty: NoValue[] = [];
    const read = alternatives.flatMap((alternative, i) => {
      const place = memberOf(at, i);
      if (alternative === false) return [];
      const whole =
        alternative === true ? beside : hasMore ? { ...unevaluated, allOf: [own, alternative] } : alternative;
      const result = this.attempt(whole, place);
      if (!(result instanceof NoValue)) return [result];
      empty.push(result);
      return [];
    });
    const [first] = read;
    if (first !== undefined) return read.length === 1 ? first : { anyOf: read };
    throw empty[0] ?? new NoValue('invalid_request', 'None of the alternatives allows a value.', { param: at });
  }

  #typed(written: JsonObject, path: string): JsonObject {
    const schema = evaluated(written);
    const about = typesOfKeywords(schema);
    const types = schema['type'] === undefined ? [...about] : typesAt(schema['type'], path);
    if (types.length === 0) return {};
    const list = types.filter((type) => type !== 'integer' || !types.includes('number'));
    const read = [...new Set(list)].map((type) => this.#ofType(type, schema, path));
    const [first] = read;
    return read.length === 1 && first !== undefined ? first : { anyOf: read };
  }

  #ofType(type: TypeName, schema: JsonObject, path: string): JsonObject {
    switch (type) {
      case 'null':
      case 'boolean':
        return { type };
      case 'integer':
      case 'number':
        return this.#once(type, schema, () => numberSchema(type, schema, path, this));
      case 'string':
        return this.#once(type, schema, () => stringSchema(schema, path, this));
      case 'array':
        return arraySchema(schema, path, this);
      case 'object':
      default:
        return objectSchema(schema, path, this);
    }
  }

  /** Generated schemas say the same of many fields. */
  #once(type: TypeName, schema: JsonObject, read: () => JsonObject): JsonObject {
    const key = `${type} ${JSON.stringify(schema)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const result = read();
    this.#known.set(key, result);
    return result;
  }
}

function without(schema: JsonObject, keyword: string): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== keyword));
}
