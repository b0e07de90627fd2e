/** `not`, conditions and dependencies as alternatives, which a grammar can express. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { isList, listAt, objectAt, textAt } from './json-kinds.ts';
import { negation } from './negation.ts';
import { memberOf } from './refuse.ts';

const keywords = ['not', 'if', 'then', 'else', 'dependentRequired', 'dependentSchemas', 'dependencies'] as const;

type Resolve = (schema: JsonValue) => JsonValue;

/**
 * The same schema without these keywords; what they say stands in `allOf`. `beside`: what holds of the same values, too. Throws `invalid_request` about a condition whose
 * contrary no schema expresses.
 */
export function unconditional(schema: JsonObject, path: string, resolve: Resolve, beside: JsonObject = {}): JsonObject {
  if (!keywords.some((keyword) => Object.hasOwn(schema, keyword))) return schema;
  const { not, if: condition, then = true, else: otherwise = true, allOf, ...rest } = schema;
  const { dependentRequired = {}, dependentSchemas = {}, dependencies = {}, ...own } = rest;
  const said: JsonValue[] = [];
  const holding = [own, beside];
  if (not !== undefined) said.push(negation(not, memberOf(path, 'not'), resolve, holding));
  if (condition !== undefined && !(then === true && otherwise === true)) {
    const contrary = negation(condition, memberOf(path, 'if'), resolve, holding);
    said.push({ anyOf: [{ allOf: [condition, then] }, { allOf: [contrary, otherwise] }] });
  }
  for (const [keyword, dependents] of Object.entries({ dependentRequired, dependentSchemas, dependencies })) {
    const at = memberOf(path, keyword);
    for (const [name, needed] of Object.entries(objectAt(dependents, at)))
      said.push({ anyOf: [{ properties: { [name]: false } }, needing(name, needed, memberOf(at, name))] });
  }
  const before = allOf === undefined ? [] : listAt(allOf, memberOf(path, 'allOf'));
  return said.length === 0 && allOf === undefined ? own : { ...own, allOf: [...before, ...said] };
}

/** What holds of an object that has a property. */
function needing(name: string, needed: JsonValue, at: string): JsonObject {
  if (!isList(needed)) return { allOf: [{ required: [name] }, needed] };
  return { required: [name, ...needed.map((other, i) => textAt(other, memberOf(at, i)))] };
}
