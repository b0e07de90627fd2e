import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { checkEnds } from './endless.ts';
import { formatRules } from './formats.ts';
import { mostRepetitions } from './gbnf.ts';
import { booleanAt, countAt, isList, isObject, listAt, numberAt, objectAt, textAt, typeAt } from './json-kinds.ts';
import { assertions, type TypeName, typeNames, typesOfKeywords } from './keywords.ts';
import { LeafRules } from './leaf-rules.ts';
import { isOfType, isSame, merge } from './merge.ts';
import { type Bound, numberRange } from './number-range.ts';
import { patternRule, UnsupportedPattern } from './pattern.ts';
import { anyTaggedCharacter } from './tagged-character.ts';
import { memberOf, refuse } from './refuse.ts';

/** A schema that llama.cpp's converter keeps to the letter, and rules for the rest: see `LeafRules`. */
export interface CompiledSchema {
  readonly schema: JsonObject;
  readonly rules: string;
  /** The grammars of those rules' values where they are no JSON, by the names of the rules. */
  readonly texts: ReadonlyMap<string, () => string>;
}

const mostBytes = 512 * 1024;
const mostNodes = 20_000;
const mostDepth = 64;
/** llama.cpp's converter takes time with the cube of it. */
const mostOptional = 200;
const mostDecimals = 16;
/** Of a double, and never infinite. */
const anyNumber = '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9] [0-9]?)?';

/**
 * Checks a JSON Schema, and rewrites it. All that it says is kept; what is not said may be narrowed: without
 * `additionalProperties` an object has no others, and a property stands where the schema has it. Throws `invalid_request`
 * whose `param` is a path that begins with `path`, about what cannot be kept, or could never be fulfilled.
 */
export function compileSchema(schema: JsonValue, path: string): CompiledSchema {
  const text = JSON.stringify(schema);
  if (text.length > mostBytes) refuse(path, `The schema has more than ${mostBytes / 1024} kB.`);
  return new SchemaCompiler(schema, path, new LeafRules(text)).compile();
}

function inJsonString(gbnf: string): string {
  return `"\\"" ${gbnf} "\\""`;
}

/** Of a text that a tag follows. */
function taggedPattern(pattern: string): string {
  return patternRule(pattern, { inJson: false, whole: false, anyCharacter: anyTaggedCharacter, isTagged: true }).gbnf;
}

interface Definition {
  readonly name: string;
  readonly pointer: string;
  schema: JsonObject;
}

class SchemaCompiler {
  readonly #root: JsonValue;
  readonly #path: string;
  readonly #leaves: LeafRules;
  readonly #definitions = new Map<string, Definition>();
  /** References whose targets are merged with what stands beside them, from the outermost. */
  readonly #merging: string[] = [];
  #nodes = 0;
  #depth = 0;

  constructor(root: JsonValue, path: string, leaves: LeafRules) {
    this.#root = root;
    this.#path = path;
    this.#leaves = leaves;
  }

  compile(): CompiledSchema {
    const root = this.#any(this.#root, this.#path);
    const definitions = Object.fromEntries([...this.#definitions.values()].map(({ name, schema }) => [name, schema]));
    checkEnds(root, definitions, this.#path);
    return {
      schema: this.#definitions.size === 0 ? root : { ...root, $defs: definitions },
      rules: this.#leaves.toString(),
      texts: this.#leaves.texts,
    };
  }

  #any(schema: JsonValue, path: string): JsonObject {
    if (++this.#nodes > mostNodes)
      refuse(path, `The schema is too large: with all that it combines, it has more than ${mostNodes} parts.`);
    if (++this.#depth > mostDepth) refuse(path, `The schema is nested more than ${mostDepth} deep.`);
    try {
      if (schema === true) return {};
      if (schema === false) return refuse(path, 'The schema false allows no value.');
      return this.#read(assertions(objectAt(schema, path), path), path);
    } finally {
      this.#depth--;
    }
  }

  /** Of a schema without annotations. */
  #read(schema: JsonObject, path: string): JsonObject {
    const { $ref, allOf, anyOf, oneOf, nullable, ...rest } = schema;
    if ($ref !== undefined) return this.#reference($ref, without(schema, '$ref'), path);
    if (nullable !== undefined) return this.#nullable(without(schema, 'nullable'), nullable, path);
    if (allOf !== undefined) return this.#all(allOf, without(schema, 'allOf'), path);
    if (anyOf !== undefined) return this.#one(anyOf, without(schema, 'anyOf'), memberOf(path, 'anyOf'));
    if (oneOf !== undefined) {
      this.#checkExclusive(oneOf, memberOf(path, 'oneOf'));
      return this.#one(oneOf, without(schema, 'oneOf'), memberOf(path, 'oneOf'));
    }
    if (rest['const'] !== undefined) return this.#values([rest['const']], without(rest, 'const'), path);
    if (rest['enum'] !== undefined) {
      const at = memberOf(path, 'enum');
      const values = listAt(rest['enum'], at);
      if (values.length === 0) refuse(at, 'An empty enum allows no value.');
      return this.#values(values, without(rest, 'enum'), path);
    }
    return this.#typed(rest, path);
  }

  #reference($ref: JsonValue, beside: JsonObject, path: string): JsonObject {
    const at = memberOf(path, '$ref');
    const pointer = textAt($ref, at);
    if (!pointer.startsWith('#'))
      refuse(at, 'A $ref has to point into the schema itself, as "#/$defs/name": nothing is fetched.');
    const target = this.#target(pointer, at);
    if (Object.keys(beside).length === 0) return { $ref: `#/$defs/${this.#definition(pointer, target)}` };
    if (this.#merging.includes(pointer)) refuse(at, 'The $ref comes back to itself, each time with more beside it.');
    this.#merging.push(pointer);
    const inner = objectAt(target === true ? {} : target, at);
    const merged = this.#any(merge(beside, assertions(inner, this.#pathOf(pointer)), path), path);
    this.#merging.pop();
    return merged;
  }

  #definition(pointer: string, target: JsonValue): string {
    const known = this.#definitions.get(pointer);
    if (known !== undefined) return known.name;
    const definition: Definition = { name: `d${this.#definitions.size}`, pointer, schema: {} };
    this.#definitions.set(pointer, definition);
    definition.schema = this.#any(target, this.#pathOf(pointer));
    return definition.name;
  }

  #target(pointer: string, at: string): JsonValue {
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

  #pathOf(pointer: string): string {
    return segmentsOf(pointer, this.#path).reduce((path, part) => memberOf(path, part), this.#path);
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
    for (const [i, part] of parts.entries()) {
      const inner = this.#opened(part, memberOf(at, i), opened, parts.length === 1 && Object.keys(beside).length === 0);
      merged = merge(merged, inner, path);
    }
    this.#merging.push(...opened);
    const result = this.#any(merged, path);
    this.#merging.length -= opened.length;
    return result;
  }

  /** A schema to be merged with others, which says in place what a reference points to. */
  #opened(schema: JsonValue, path: string, opened: string[], isAlone: boolean): JsonObject {
    if (schema === true) return {};
    if (schema === false) return refuse(path, 'The schema false allows no value.');
    const own = assertions(objectAt(schema, path), path);
    if (own['$ref'] === undefined || isAlone) return own;
    const at = memberOf(path, '$ref');
    const pointer = textAt(own['$ref'], at);
    if (!pointer.startsWith('#')) return own;
    if (this.#merging.includes(pointer) || opened.includes(pointer)) refuse(at, 'The $ref comes back to itself.');
    if (opened.length > mostDepth) refuse(at, 'There are too many references, one behind the other.');
    opened.push(pointer);
    const target = this.#opened(this.#target(pointer, at), this.#pathOf(pointer), opened, false);
    return merge(without(own, '$ref'), target, path);
  }

  /** Alternatives, each with what stands beside them. Those that nothing fulfils are left out. */
  #one(list: JsonValue, beside: JsonObject, at: string): JsonObject {
    const alternatives = listAt(list, at);
    if (alternatives.length === 0) refuse(at, 'An empty list of alternatives allows no value.');
    const hasMore = Object.keys(beside).length > 0;
    const read = alternatives.flatMap((alternative, i) => {
      const place = memberOf(at, i);
      if (alternative === false) return [];
      if (!hasMore || alternative === true) return [this.#any(alternative === true ? beside : alternative, place)];
      return [this.#any({ allOf: [beside, alternative] }, place)];
    });
    const [first] = read;
    if (first === undefined) return refuse(at, 'None of the alternatives allows a value.');
    return read.length === 1 ? first : { anyOf: read };
  }

  /** A grammar cannot see to it that a value is valid under one only, so the alternatives have to exclude each other. */
  #checkExclusive(list: JsonValue, at: string): void {
    const alternatives = listAt(list, at).map((alternative) => this.#resolved(alternative));
    for (const [i, one] of alternatives.entries()) {
      const alike = alternatives.findIndex((other, j) => j > i && !this.#exclude(one, other));
      if (alike >= 0) {
        refuse(
          at,
          `A value may be valid under the schemas ${i} and ${alike} of oneOf. Give them different types, or a property with different constants, or use anyOf.`,
        );
      }
    }
  }

  #resolved(schema: JsonValue): JsonValue {
    const seen = new Set<string>();
    let at = schema;
    while (isObject(at) && typeof at['$ref'] === 'string' && at['$ref'].startsWith('#') && !seen.has(at['$ref'])) {
      seen.add(at['$ref']);
      at = this.#target(at['$ref'], this.#path);
    }
    return at;
  }

  #exclude(a: JsonValue, b: JsonValue): boolean {
    if (a === false || b === false) return true;
    if (!isObject(a) || !isObject(b)) return false;
    const [ours, theirs] = [valuesIn(a), valuesIn(b)];
    if (ours !== undefined && theirs !== undefined)
      return !ours.some((one) => theirs.some((other) => isSame(one, other)));
    const [types, others] = [typesIn(a), typesIn(b)];
    const isShared = (type: TypeName): boolean =>
      others.has(type) || (type === 'integer' && others.has('number')) || (type === 'number' && others.has('integer'));
    if (ours !== undefined) return ours.every((value) => ![...others].some((type) => isOfType(value, type)));
    if (theirs !== undefined) return theirs.every((value) => ![...types].some((type) => isOfType(value, type)));
    if (![...types].some((type) => isShared(type))) return true;
    return types.size === 1 && types.has('object') && others.size === 1 && others.has('object') && this.#differ(a, b);
  }

  /** Whether two objects need a property that is never the same in both. */
  #differ(a: JsonObject, b: JsonObject): boolean {
    const properties = isObject(a['properties']) ? a['properties'] : {};
    const others = isObject(b['properties']) ? b['properties'] : {};
    return Object.entries(properties).some(([name, property]) => {
      const other = Object.hasOwn(others, name) ? others[name] : undefined;
      const [ours, theirs] = [valuesIn(property), valuesIn(other)];
      return (
        ours !== undefined &&
        theirs !== undefined &&
        requires(a, name) &&
        requires(b, name) &&
        !ours.some((one) => theirs.some((another) => isSame(one, another)))
      );
    });
  }

  /** The values of an enum or a constant that what stands beside it allows. */
  #values(values: readonly JsonValue[], beside: JsonObject, path: string): JsonObject {
    const { type, ...rest } = beside;
    const types = type === undefined ? undefined : this.#types(type, path);
    const keywords = Object.keys(rest);
    if (keywords.length > 0) {
      refuse(
        memberOf(path, keywords[0] ?? ''),
        `Beside an enum or a const, ${keywords[0] ?? ''} is not supported. Leave out the values that it excludes, and the keyword.`,
      );
    }
    const valid = types === undefined ? values : values.filter((value) => types.some((one) => isOfType(value, one)));
    const [first] = valid;
    if (first === undefined) return refuse(path, 'None of the values is of the type that stands beside them.');
    return valid.length === 1 ? { const: first } : { enum: [...valid] };
  }

  #types(type: JsonValue, path: string): readonly TypeName[] {
    const at = memberOf(path, 'type');
    if (!isList(type)) return [typeAt(type, at)];
    if (type.length === 0) refuse(at, 'An empty list of types allows no value.');
    return type.map((one, i) => typeAt(one, memberOf(at, i)));
  }

  #typed(schema: JsonObject, path: string): JsonObject {
    const about = typesOfKeywords(schema);
    const types = schema['type'] === undefined ? [...about] : this.#types(schema['type'], path);
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
        return this.#number(type, schema, path);
      case 'string':
        return this.#string(schema, path);
      case 'array':
        return this.#array(schema, path);
      case 'object':
      default:
        return this.#object(schema, path);
    }
  }

  #number(type: 'integer' | 'number', schema: JsonObject, path: string): JsonObject {
    const bound = (
      inclusive: string,
      exclusive: string,
      isInner: (a: number, b: number) => boolean,
    ): Bound | undefined => {
      const [value, beyond] = [schema[inclusive], schema[exclusive]];
      // Draft 4's `exclusiveMinimum` was a flag.
      const isFlag = typeof beyond === 'boolean';
      const closed =
        value === undefined
          ? undefined
          : { value: numberAt(value, memberOf(path, inclusive)), exclusive: beyond === true };
      const open =
        beyond === undefined || isFlag
          ? undefined
          : { value: numberAt(beyond, memberOf(path, exclusive)), exclusive: true };
      return closed === undefined || (open !== undefined && !isInner(closed.value, open.value)) ? open : closed;
    };
    const min = bound('minimum', 'exclusiveMinimum', (a, b) => a > b);
    const max = bound('maximum', 'exclusiveMaximum', (a, b) => a < b);
    const step = this.#decimals(schema['multipleOf'], path);
    if (min === undefined && max === undefined && !(step !== undefined && step > 0)) {
      return type === 'integer' || step === 0 ? { type: 'integer' } : this.#leaves.add(anyNumber);
    }
    const decimals = type === 'integer' ? 0 : (step ?? Math.min(mostDecimals, Math.max(6, places(min), places(max))));
    const gbnf = numberRange({ min, max, decimals });
    if (gbnf === undefined)
      refuse(memberOf(path, min === undefined ? 'maximum' : 'minimum'), 'No number is within the bounds.');
    return this.#leaves.add(gbnf);
  }

  /** How many digits after the point a `multipleOf` leaves. */
  #decimals(multipleOf: JsonValue | undefined, path: string): number | undefined {
    if (multipleOf === undefined) return undefined;
    const at = memberOf(path, 'multipleOf');
    const step = numberAt(multipleOf, at);
    const decimals = Array.from({ length: 11 }, (_, i) => i).find((i) => step === Number(`1e-${i}`));
    return decimals ?? refuse(at, "The schema's keyword multipleOf is supported for 1, 0.1, 0.01 and so on only.");
  }

  #string(schema: JsonObject, path: string): JsonObject {
    const [minLength, maxLength] = this.#counts(schema, 'minLength', 'maxLength', path);
    if (schema['pattern'] !== undefined) return this.#pattern(schema['pattern'], minLength, maxLength, path);
    const format = schema['format'] === undefined ? undefined : textAt(schema['format'], memberOf(path, 'format'));
    const rule = format === undefined ? undefined : formatRules.get(format);
    if (rule !== undefined) {
      if (minLength > 0 || maxLength !== Infinity) {
        refuse(
          memberOf(path, minLength > 0 ? 'minLength' : 'maxLength'),
          `Beside the format ${format ?? ''}, a length is not supported.`,
        );
      }
      return this.#leaves.add(inJsonString(rule), () => rule);
    }
    const max = maxLength === Infinity ? {} : { maxLength };
    return { type: 'string', ...(minLength > 0 ? { minLength } : {}), ...max };
  }

  #pattern(pattern: JsonValue, minLength: number, maxLength: number, path: string): JsonObject {
    const at = memberOf(path, 'pattern');
    const anyCharacter = this.#leaves.anyCharacter;
    try {
      const rule = patternRule(textAt(pattern, at), { inJson: true, whole: false, anyCharacter });
      if (rule.minLength < minLength || rule.maxLength > maxLength) {
        const keyword = rule.minLength < minLength ? 'minLength' : 'maxLength';
        refuse(
          memberOf(path, keyword),
          `Beside a pattern that allows other lengths, ${keyword} is not supported. Let the pattern say it: ^.{1,9}$.`,
        );
      }
      return this.#leaves.add(inJsonString(rule.gbnf), () => taggedPattern(textAt(pattern, at)));
    } catch (error) {
      if (error instanceof UnsupportedPattern) refuse(at, `The pattern is not supported: ${error.message}.`);
      throw error;
    }
  }

  #counts(schema: JsonObject, least: string, most: string, path: string): readonly [number, number] {
    const min = schema[least] === undefined ? 0 : countAt(schema[least], memberOf(path, least));
    const max = schema[most] === undefined ? Infinity : countAt(schema[most], memberOf(path, most));
    if (min > max) refuse(memberOf(path, least), `${least} is greater than ${most}: no value has both.`);
    const isTooMany = min > mostRepetitions || (max !== Infinity && max > mostRepetitions);
    if (isTooMany)
      refuse(
        memberOf(path, min > mostRepetitions ? least : most),
        `Counts of more than ${mostRepetitions} are not supported. Leave it out, and limit the answer by max_tokens.`,
      );
    return [min, max];
  }

  #array(schema: JsonObject, path: string): JsonObject {
    const [minItems, maxItems] = this.#counts(schema, 'minItems', 'maxItems', path);
    if (schema['uniqueItems'] === true && maxItems > 1) {
      refuse(
        memberOf(path, 'uniqueItems'),
        "The schema's keyword uniqueItems is not supported. Leave it out, and drop what is doubled yourself.",
      );
    }
    if (schema['unevaluatedItems'] !== undefined && schema['unevaluatedItems'] !== false) {
      refuse(memberOf(path, 'unevaluatedItems'), "The schema's keyword unevaluatedItems is supported as false only.");
    }
    const { items } = schema;
    const prefix = schema['prefixItems'] ?? (isList(items) ? items : undefined);
    if (prefix !== undefined) return this.#tuple(prefix, schema, minItems, maxItems, path);
    if (items === false || maxItems === 0) {
      if (minItems > 0) refuse(memberOf(path, 'minItems'), 'The array has to be empty, and has to have items.');
      return { const: [] };
    }
    const at = memberOf(path, 'items');
    const each = items === undefined || items === true ? {} : this.#any(items, at);
    const max = maxItems === Infinity ? {} : { maxItems };
    return { type: 'array', items: each, ...(minItems > 0 ? { minItems } : {}), ...max };
  }

  /** As long as its items are known one by one: a shorter one would do, but is not what a tuple is for. */
  #tuple(prefix: JsonValue, schema: JsonObject, minItems: number, maxItems: number, path: string): JsonObject {
    const isOld = schema['prefixItems'] === undefined;
    const at = memberOf(path, isOld ? 'items' : 'prefixItems');
    const restAt = memberOf(path, isOld ? 'additionalItems' : 'items');
    const rest = (isOld ? schema['additionalItems'] : schema['items']) ?? true;
    const first = listAt(prefix, at)
      .slice(0, maxItems)
      .map((item, i) => this.#any(item, memberOf(at, i)));
    if (minItems > first.length && rest === false)
      refuse(memberOf(path, 'minItems'), 'There are fewer items than minItems.');
    while (first.length < minItems) first.push(this.#any(rest, restAt));
    return first.length === 0 ? { const: [] } : { type: 'array', prefixItems: first };
  }

  #object(schema: JsonObject, path: string): JsonObject {
    const at = memberOf(path, 'properties');
    // A property may be named __proto__.
    const properties = new Map(
      Object.entries(schema['properties'] === undefined ? {} : objectAt(schema['properties'], at)),
    );
    const required = this.#required(schema, path);
    const additional = this.#additional(schema, properties, path);
    this.#checkKeywords(schema, path);
    for (const name of required) {
      if (properties.has(name)) continue;
      if (additional === false)
        refuse(
          memberOf(path, 'required'),
          `The property ${JSON.stringify(name)} is required, but not among the properties, and there may be no others.`,
        );
      properties.set(name, additional);
    }
    const kept: [string, JsonObject][] = [];
    for (const [name, property] of properties) {
      // One that must not be there is not written.
      if (property === false && !required.has(name)) continue;
      kept.push([name, this.#any(property, memberOf(at, name))]);
    }
    const read = Object.fromEntries(kept);
    const names = kept.map(([name]) => name);
    const optional = names.filter((name) => !required.has(name));
    if (optional.length > mostOptional)
      refuse(at, `More than ${mostOptional} properties that are not required are not supported.`);
    const isOpen = additional !== false && (names.length === 0 || schema['additionalProperties'] !== undefined);
    this.#checkSize(schema, required.size, names.length, isOpen, path);
    if (!isOpen)
      return names.length === 0 ? { const: {} } : { type: 'object', properties: read, required: [...required] };
    const odd = names.find((name) => /["\\\][^-]|[^ -~]/.test(name));
    if (odd !== undefined)
      refuse(
        memberOf(path, 'additionalProperties'),
        `Beside a property of the name ${JSON.stringify(odd)}, others are not supported.`,
      );
    const more = additional === true ? true : this.#any(additional, memberOf(path, 'additionalProperties'));
    if (names.length === 0) return { type: 'object', additionalProperties: more };
    return { type: 'object', properties: read, required: [...required], additionalProperties: more };
  }

  #required(schema: JsonObject, path: string): ReadonlySet<string> {
    const at = memberOf(path, 'required');
    const list = schema['required'] === undefined ? [] : listAt(schema['required'], at);
    return new Set(list.map((name, i) => textAt(name, memberOf(at, i))));
  }

  /** What properties that are not named may be: false where there must be none. Adds those that `propertyNames` names. */
  #additional(schema: JsonObject, properties: Map<string, JsonValue>, path: string): JsonValue {
    const additional = schema['additionalProperties'] ?? true;
    if (typeof additional !== 'boolean') objectAt(additional, memberOf(path, 'additionalProperties'));
    const names = schema['propertyNames'];
    if (names === undefined || names === true || additional === false) return additional;
    const at = memberOf(path, 'propertyNames');
    const { type, ...rest } = assertions(objectAt(this.#resolved(names), at), at);
    if (type !== undefined && type !== 'string') refuse(at, 'The name of a property is a string.');
    if (Object.keys(rest).length === 0) return additional;
    const allowed = valuesIn(rest);
    if (allowed === undefined) return refuse(at, "The schema's keyword propertyNames is supported with an enum only.");
    for (const name of allowed) {
      if (typeof name === 'string' && !properties.has(name)) properties.set(name, additional);
    }
    return false;
  }

  #checkKeywords(schema: JsonObject, path: string): void {
    const patterns = schema['patternProperties'];
    if (patterns !== undefined && Object.keys(objectAt(patterns, memberOf(path, 'patternProperties'))).length > 0) {
      refuse(
        memberOf(path, 'patternProperties'),
        "The schema's keyword patternProperties is not supported. Use properties, or additionalProperties.",
      );
    }
    if (schema['unevaluatedProperties'] !== undefined && schema['unevaluatedProperties'] !== false) {
      refuse(
        memberOf(path, 'unevaluatedProperties'),
        "The schema's keyword unevaluatedProperties is supported as false only.",
      );
    }
  }

  /** Numbers of properties cannot be counted; they are right where the names alone see to it. */
  #checkSize(schema: JsonObject, required: number, named: number, isOpen: boolean, path: string): void {
    const [min, max] = this.#counts(schema, 'minProperties', 'maxProperties', path);
    if (max < required) refuse(memberOf(path, 'maxProperties'), 'More properties are required.');
    if (!isOpen && min > named) refuse(memberOf(path, 'minProperties'), 'There are fewer properties.');
    if (min > required)
      refuse(
        memberOf(path, 'minProperties'),
        "The schema's keyword minProperties is supported up to the number of required properties only.",
      );
    if (max !== Infinity && (isOpen || max < named))
      refuse(
        memberOf(path, 'maxProperties'),
        "The schema's keyword maxProperties is supported from the number of properties on only, where there may be no others.",
      );
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

function without(schema: JsonObject, keyword: string): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== keyword));
}

function requires(schema: JsonObject, name: string): boolean {
  return isList(schema['required']) && schema['required'].includes(name);
}

function valuesIn(schema: JsonValue | undefined): readonly JsonValue[] | undefined {
  if (!isObject(schema)) return undefined;
  if (schema['const'] !== undefined) return [schema['const']];
  return isList(schema['enum']) ? schema['enum'] : undefined;
}

/** The types that a schema certainly is limited to; all where that is not plain. */
function typesIn(schema: JsonObject): ReadonlySet<TypeName> {
  const { type } = schema;
  if (schema['nullable'] === true || schema['$ref'] !== undefined) return new Set(typeNames);
  const list = isList(type) ? type : type === undefined ? [] : [type];
  const named = typeNames.filter((name) => list.includes(name));
  if (named.length > 0) return new Set(named);
  const about = typesOfKeywords(schema);
  return about.size > 0 ? about : new Set(typeNames);
}

/** Digits after the point. */
function places(bound: Bound | undefined): number {
  const [mantissa = '', exponent = '0'] = Math.abs(bound?.value ?? 0)
    .toString()
    .split('e');
  return Math.max(0, (mantissa.split('.')[1] ?? '').length - Number(exponent));
}
