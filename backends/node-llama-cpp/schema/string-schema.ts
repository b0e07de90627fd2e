import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { type Counts, countsOf } from './counts.ts';
import { formatRules, looseFormatRules } from './formats.ts';
import { mostRepetitions } from './gbnf.ts';
import { textAt } from './json-kinds.ts';
import { writingsOfString } from './leaf-rules.ts';
import { patternRule } from './pattern.ts';
import { UnsupportedPattern } from './pattern-characters.ts';
import { memberOf, refuse, refuseEmpty } from './refuse.ts';
import { mostCounted, repetitions } from './repetitions.ts';
import type { SchemaReader } from './schema-reader.ts';
import { anyTaggedCharacter } from './tagged-character.ts';
import type { Place } from './text-language.ts';

export function stringSchema(schema: JsonObject, path: string, reader: SchemaReader): JsonObject {
  const lengths = countsOf(schema, ['minLength', 'maxLength'], path, mostCounted);
  if (schema['pattern'] !== undefined) return patternSchema(schema['pattern'], lengths, path, reader);
  const [minLength, maxLength] = lengths;
  const format = schema['format'] === undefined ? undefined : textAt(schema['format'], memberOf(path, 'format'));
  const rule = format === undefined ? undefined : formatRules.get(format);
  if (rule !== undefined) {
    if (minLength > 0 || maxLength !== Infinity) {
      refuse(
        memberOf(path, minLength > 0 ? 'minLength' : 'maxLength'),
        `Beside the format ${format ?? ''}, a length is not supported.`,
      );
    }
    return ofRule(rule, reader);
  }
  const loose = minLength > 1 || format === undefined ? undefined : looseFormatRules.get(format)?.(maxLength);
  if (loose !== undefined) return ofRule(loose, reader);
  if (minLength > mostRepetitions || (maxLength !== Infinity && maxLength > mostRepetitions)) {
    const { leaves } = reader;
    const many = (character: string): string => repetitions(character, minLength, maxLength, leaves);
    return leaves.add(
      inJsonString(many(leaves.anyCharacter)),
      writingsOfString(() => many(anyTaggedCharacter)),
    );
  }
  const max = maxLength === Infinity ? {} : { maxLength };
  return { type: 'string', ...(minLength > 0 ? { minLength } : {}), ...max };
}

function ofRule(rule: string, { leaves }: SchemaReader): JsonObject {
  return leaves.add(
    inJsonString(rule),
    writingsOfString(() => rule),
  );
}

function patternSchema(
  pattern: JsonValue,
  lengths: Counts,
  path: string,
  { leaves, budget }: SchemaReader,
): JsonObject {
  const at = memberOf(path, 'pattern');
  const source = textAt(pattern, at);
  const ruleIn = (place: Place): string => {
    try {
      const rule = patternRule(source, { place, whole: false, lengths }, { leaves, budget, path: at });
      return rule ?? refuseEmpty(at, 'No text matches the pattern, and has the length that stands beside it.');
    } catch (error) {
      if (error instanceof UnsupportedPattern) refuse(at, `The pattern is not supported: ${error.message}.`);
      throw error;
    }
  };
  return leaves.add(
    inJsonString(ruleIn('json')),
    writingsOfString(() => ruleIn('tagged')),
  );
}

function inJsonString(gbnf: string): string {
  return `"\\"" ${gbnf} "\\""`;
}
