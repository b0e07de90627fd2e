import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { countsOf } from './counts.ts';
import { formatRules, looseFormatRules } from './formats.ts';
import { mostRepetitions } from './gbnf.ts';
import { textAt } from './json-kinds.ts';
import { writingsOfString } from './leaf-rules.ts';
import { patternRule, type PatternSettings } from './pattern.ts';
import { UnsupportedPattern } from './pattern-characters.ts';
import { memberOf, refuse, refuseEmpty } from './refuse.ts';
import { mostCounted, repetitions } from './repetitions.ts';
import type { SchemaReader } from './schema-reader.ts';
import { anyTaggedCharacter } from './tagged-character.ts';
import type { Place } from './text-language.ts';

export function stringSchema(schema: JsonObject, path: string, reader: SchemaReader): JsonObject {
  const lengths = countsOf(schema, ['minLength', 'maxLength'], path, mostCounted);
  const [minLength, maxLength] = lengths;
  const format = schema['format'] === undefined ? undefined : textAt(schema['format'], memberOf(path, 'format'));
  const rule = format === undefined ? undefined : formatRules.get(format);
  const isLimited = minLength > 0 || maxLength !== Infinity;
  if (schema['pattern'] !== undefined || (rule !== undefined && isLimited))
    return patternSchema(schema['pattern'] ?? '', { lengths, format }, path, reader);
  if (rule !== undefined) return ofRule(rule, reader);
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
  beside: Pick<PatternSettings, 'lengths' | 'format'>,
  path: string,
  { leaves, budget }: SchemaReader,
): JsonObject {
  const at = memberOf(path, 'pattern');
  const source = textAt(pattern, at);
  const ruleIn = (place: Place): string => {
    try {
      const rule = patternRule(source, { place, whole: false, ...beside }, { leaves, budget, path: at });
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
