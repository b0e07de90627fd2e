import type { JsonValue } from '../../../src/backend/index.ts';
import { countAt, isList, isObject, listAt, numberAt, textAt } from './json-kinds.ts';
import { textOf } from './listed-values.ts';
import { isMultiple } from './multiples.ts';
import { stepAt } from './number-schema.ts';
import { languageOf } from './pattern.ts';
import { UnsupportedPattern } from './pattern-characters.ts';
import { memberOf, refuse } from './refuse.ts';
import { automatonUnits, type WorkBudget } from './work-budget.ts';

interface Means {
  readonly at: string;
  readonly budget: WorkBudget;
}

type Test = (value: JsonValue) => boolean;

/** Whether values keep what a keyword says; undefined for keywords that are not looked at so. Throws `invalid_request`. */
export function valueTest(keyword: string, said: JsonValue, means: Means): Test | undefined {
  const { at } = means;
  switch (keyword) {
    case 'enum':
      return oneOfTest(listAt(said, at));
    case 'minLength':
      return ofText((text) => lengthOf(text) >= countAt(said, at));
    case 'maxLength':
      return ofText((text) => lengthOf(text) <= countAt(said, at));
    case 'pattern':
      return patternTest(textAt(said, at), means);
    case 'format':
      return () => true;
    case 'minimum':
      return ofNumber((number) => number >= numberAt(said, at));
    case 'maximum':
      return ofNumber((number) => number <= numberAt(said, at));
    case 'exclusiveMinimum':
      return ofNumber((number) => number > numberAt(said, at));
    case 'exclusiveMaximum':
      return ofNumber((number) => number < numberAt(said, at));
    case 'multipleOf':
      return ofNumber((number) => isMultiple(number, stepAt(said, at)));
    case 'required':
      return ofObject((names) => listAt(said, at).every((name, i) => names.includes(textAt(name, memberOf(at, i)))));
    case 'minProperties':
      return ofObject(({ length }) => length >= countAt(said, at));
    case 'maxProperties':
      return ofObject(({ length }) => length <= countAt(said, at));
    case 'minItems':
      return ofList((length) => length >= countAt(said, at));
    case 'maxItems':
      return ofList((length) => length <= countAt(said, at));
    default:
      return undefined;
  }
}

function oneOfTest(values: readonly JsonValue[]): Test {
  const texts = new Set(values.map((value) => textOf(value)));
  return (value) => texts.has(textOf(value));
}

function patternTest(pattern: string, { at, budget }: Means): Test {
  budget.spend(automatonUnits, at);
  try {
    const found = languageOf(pattern);
    return ofText((text) => {
      budget.spend(text.length, at);
      return found.includes(text);
    });
  } catch (error) {
    if (error instanceof UnsupportedPattern) refuse(at, `The pattern is not supported: ${error.message}.`);
    throw error;
  }
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}

function ofText(test: (text: string) => boolean): Test {
  return (value) => typeof value !== 'string' || test(value);
}

function ofNumber(test: (number: number) => boolean): Test {
  return (value) => typeof value !== 'number' || test(value);
}

function ofObject(test: (names: readonly string[]) => boolean): Test {
  return (value) => !isObject(value) || test(Object.keys(value));
}

function ofList(test: (length: number) => boolean): Test {
  return (value) => !isList(value) || test(value.length);
}
