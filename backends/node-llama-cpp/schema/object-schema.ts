import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { countedProperties } from './counted-properties.ts';
import { type Counts, countsOf } from './counts.ts';
import { valuesIn } from './listed-values.ts';
import { listAt, objectAt, textAt } from './json-kinds.ts';
import { assertions } from './keywords.ts';
import { allowedNames, OtherProperties } from './other-properties.ts';
import { isNever } from './never.ts';
import { memberOf, NoValue, refuse, refuseEmpty } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';
import { TextLanguage } from './text-language.ts';
import { automatonUnits } from './work-budget.ts';

/** llama.cpp's converter takes time with the cube of it. */
const mostOptional = 200;
/** Of an object whose names are free: there is a rule for each. */
const mostFree = 100;

export function objectSchema(schema: JsonObject, path: string, reader: SchemaReader): JsonObject {
  return new ObjectReader(schema, path, reader).read();
}

class ObjectReader {
  readonly #schema: JsonObject;
  readonly #path: string;
  readonly #reader: SchemaReader;
  readonly #required: ReadonlySet<string>;
  /** A property may be named __proto__. */
  readonly #properties: Map<string, JsonValue>;
  /** Of properties that are not named; false where there must be none. */
  #additional: JsonValue;
  /** Names that properties may have; undefined for any. */
  #allowed: TextLanguage | undefined;
  readonly #others: OtherProperties | undefined;

  constructor(schema: JsonObject, path: string, reader: SchemaReader) {
    this.#schema = schema;
    this.#path = path;
    this.#reader = reader;
    const { properties, required, additionalProperties = true, patternProperties } = schema;
    const at = this.#at('properties');
    this.#properties = new Map(Object.entries(properties === undefined ? {} : objectAt(properties, at)));
    this.#required = new Set(
      (required === undefined ? [] : listAt(required, this.#at('required'))).map((name, i) =>
        textAt(name, memberOf(this.#at('required'), i)),
      ),
    );
    if (typeof additionalProperties !== 'boolean') objectAt(additionalProperties, this.#at('additionalProperties'));
    this.#additional = isNever(additionalProperties) ? false : additionalProperties;
    const hasPatterns = patternProperties !== undefined && !isEmpty(patternProperties);
    this.#others = hasPatterns ? new OtherProperties(schema, path, reader.budget) : undefined;
  }

  read(): JsonObject {
    this.#readNames();
    this.#addRequired();
    const kept = this.#named();
    const isOpen = this.#isOpen(kept.length);
    const counts = this.#counts();
    if (counts !== undefined && kept.length === 0 && isOpen && this.#others === undefined) return this.#free(counts);
    const names = kept.map(([name]) => name);
    const others = isOpen || this.#others !== undefined ? this.#unnamed(names, isOpen) : {};
    const hasOthers = Object.keys(others).length > 0;
    if (counts !== undefined && this.#isCounted(counts, names.length, hasOthers)) {
      this.#reader.budget.spend(1000 * names.length, this.#path);
      return countedProperties({ kept, required: this.#required }, counts, this.#path);
    }
    const properties = { ...Object.fromEntries(kept), ...others.properties };
    if (!hasOthers && names.length === 0) return { const: {} };
    if (Object.keys(properties).length === 0) return { type: 'object', ...others };
    return { type: 'object', ...others, properties, required: [...this.#required] };
  }

  /** How many properties there may be; undefined where it does not matter. */
  #counts(): Counts | undefined {
    const counts = countsOf(this.#schema, ['minProperties', 'maxProperties'], this.#path);
    const [min, max] = counts;
    if (max < this.#required.size) refuseEmpty(this.#at('maxProperties'), 'More properties are required.');
    return min <= this.#required.size && max === Infinity ? undefined : counts;
  }

  /** So many properties of any name. One may come twice, and counts once then, so that two cannot be seen to. */
  #free([min, max]: Counts): JsonObject {
    if (min > 1)
      refuse(this.#at('minProperties'), 'Of properties whose names are free, one at least can be seen to only.');
    if (max !== Infinity && max > mostFree)
      refuse(this.#at('maxProperties'), `Of properties whose names are free, ${mostFree} are counted at most.`);
    const name = this.#freeName();
    if (name === undefined || max === 0) {
      return min === 0 ? { const: {} } : refuse(this.#at('minProperties'), 'There may be no properties.');
    }
    const { leaves } = this.#reader;
    const schema = this.#reader.any(this.#additional, this.#at('additionalProperties'));
    // Without a limit, the last one stands for any number.
    const names = Array.from({ length: max === Infinity ? min + 1 : max }, () => leaves.reserve());
    for (const one of names) leaves.define(one, `"\\"" ${name} "\\""`);
    return {
      type: 'object',
      ...(max === Infinity ? { additionalProperties: true } : {}),
      properties: Object.fromEntries(names.map((one) => [one, schema])),
      required: names.slice(0, min),
    };
  }

  /** The grammar of the names that are allowed, without quotes; undefined where none is. */
  #freeName(): string | undefined {
    const { leaves, budget } = this.#reader;
    if (this.#allowed === undefined && this.#properties.size === 0) return `${leaves.anyCharacter}*`;
    budget.spend(automatonUnits, this.#path);
    const allowed = this.#allowed ?? TextLanguage.any();
    return allowed.without(TextLanguage.ofTexts(this.#properties.keys())).rule(leaves, 'json');
  }

  #at(keyword: string): string {
    return memberOf(this.#path, keyword);
  }

  /** Whether properties may be there that nothing names: where it is said, or where there would be none. */
  #isOpen(named: number): boolean {
    const isSaid = this.#schema['additionalProperties'] !== undefined;
    return this.#additional !== false && (isSaid || (named === 0 && this.#others === undefined));
  }

  /** What llama.cpp's converter is told of the properties that are not named. */
  #unnamed(names: readonly string[], isOpen: boolean): { properties?: JsonObject; additionalProperties?: JsonValue } {
    // Names that the converter does not write right in a set of characters, or would take for free.
    const isOdd = this.#properties.size > names.length || names.some((name) => /["\\\][^-]|[^ -~]/.test(name));
    if (this.#others === undefined && this.#allowed === undefined && !isOdd) {
      const at = this.#at('additionalProperties');
      return { additionalProperties: this.#additional === true ? true : this.#reader.any(this.#additional, at) };
    }
    this.#reader.budget.spend(automatonUnits, this.#path);
    const others = this.#others ?? new OtherProperties({}, this.#path, this.#reader.budget);
    const placeholders = others.placeholders(
      {
        named: this.#properties.keys(),
        allowed: this.#allowed ?? TextLanguage.any(),
        additional: isOpen && this.#additional,
        path: this.#path,
      },
      this.#reader,
    );
    if (placeholders.length === 0) return {};
    return { properties: Object.fromEntries(placeholders), additionalProperties: true };
  }

  /** Adds the properties that `propertyNames` names, and takes out those that it does not allow. */
  #readNames(): void {
    const written = this.#schema['propertyNames'];
    if (written === undefined || written === true) return;
    if (written === false) {
      this.#allowed = TextLanguage.ofTexts([]);
      for (const name of this.#properties.keys()) this.#properties.set(name, false);
      return;
    }
    const at = this.#at('propertyNames');
    const { type, ...names } = assertions(objectAt(this.#reader.resolved(written), at), at);
    const listed = valuesIn(names);
    if (listed === undefined) {
      this.#allowed = allowedNames({ ...names, ...(type === undefined ? {} : { type }) }, at, this.#reader.budget);
    } else {
      for (const name of listed) {
        if (typeof name === 'string' && !this.#properties.has(name) && this.#additional !== false)
          this.#properties.set(name, this.#additional);
      }
      this.#additional = false;
    }
    for (const name of this.#properties.keys()) {
      if (!(listed?.includes(name) ?? this.#allowed?.includes(name) ?? true)) this.#properties.set(name, false);
    }
  }

  #addRequired(): void {
    for (const name of this.#required) {
      if (this.#properties.has(name)) continue;
      const isNamed = (this.#others?.schemasOf(name) ?? []).length > 0;
      if ((this.#additional === false && !isNamed) || this.#allowed?.includes(name) === false)
        refuseEmpty(
          this.#at('required'),
          `The property ${JSON.stringify(name)} is required, but not among the properties, and there may be no others.`,
        );
      this.#properties.set(name, isNamed ? true : this.#additional);
    }
  }

  /** The properties that may be there, by name. */
  #named(): [string, JsonObject][] {
    const at = this.#at('properties');
    const kept: [string, JsonObject][] = [];
    for (const [name, property] of this.#properties) {
      // One that must not be there is not written.
      if (isNever(property) && !this.#required.has(name)) continue;
      const more = this.#others?.schemasOf(name) ?? [];
      const whole = more.length === 0 ? property : { allOf: [property, ...more] };
      const read = this.#property(name, whole, memberOf(at, name));
      if (read !== undefined) kept.push([name, read]);
    }
    const optional = kept.filter(([name]) => !this.#required.has(name)).length;
    if (optional > mostOptional)
      refuse(at, `More than ${mostOptional} properties that are not required are not supported.`);
    this.#reader.budget.spend(optional ** 2 / 4, at);
    return kept;
  }

  /** Undefined where it need not be there, and of several alternatives this one has no value for it. */
  #property(name: string, schema: JsonValue, path: string): JsonObject | undefined {
    if (!this.#reader.isAlternative || this.#required.has(name)) return this.#reader.any(schema, path);
    const read = this.#reader.attempt(schema, path);
    return read instanceof NoValue ? undefined : read;
  }

  /** Whether an object that could have its properties in any number has to be written otherwise. */
  #isCounted([min, max]: Counts, named: number, hasOthers: boolean): boolean {
    const required = this.#required.size;
    if (!hasOthers) {
      if (min > named) refuse(this.#at('minProperties'), 'There are fewer properties.');
      return min > required || max < named;
    }
    if (min > required)
      refuse(
        this.#at('minProperties'),
        'Beside properties whose names are free, minProperties is supported up to the number of required ones only.',
      );
    return max === Infinity
      ? false
      : refuse(
          this.#at('maxProperties'),
          'Beside properties whose names are free, maxProperties is not supported. Set additionalProperties to false.',
        );
  }
}

function isEmpty(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
