import { z } from 'zod';
import { durationMs } from '../formats/duration.ts';
import { exactSize } from '../formats/exact-size.ts';
import type { ValueKind } from './option.ts';

/** Text of at least one character. */
export function text(allowed: string, accepts: (value: string) => boolean = () => true): ValueKind<string> {
  return {
    schema: z.string().min(1).refine(accepts),
    parseText: (value) => value,
    allowed,
    form: 'value',
  };
}

/** An http or https address. Where `impliedScheme` is given, it may be left out, as in `localhost:3128`. */
export function httpAddress(impliedScheme?: 'http'): ValueKind<string> {
  const complete = (value: unknown): unknown => {
    if (impliedScheme === undefined || typeof value !== 'string' || value.includes('://')) return value;
    return `${impliedScheme}://${value}`;
  };
  return {
    schema: z.preprocess(complete, z.string().refine(isHttpUrl)),
    parseText: (value) => value.trim(),
    allowed: impliedScheme === undefined ? 'an http or https address' : 'an http or https address, or host:port',
    form: 'value',
  };
}

/** A whole number from `min` to `max`, both included. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): ValueKind<number> {
  return {
    schema: z.number().int().min(min).max(max),
    parseText: (value) => (/^-?\d+$/.test(value.trim()) ? Number(value) : value),
    allowed:
      max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`,
    form: 'value',
  };
}

const byteUnits: Readonly<Record<string, number>> = { kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

/** A number of bytes, at least `min`: plain, or with KiB, MiB or GiB. */
export function byteCount(min = 1): ValueKind<number> {
  const { schema } = wholeNumber(min);
  return {
    schema: z.preprocess((value) => (typeof value === 'string' ? parseBytes(value) : value), schema),
    parseText: parseBytes,
    allowed: `a number of bytes of at least ${min}, such as 1048576 or 1MiB`,
    form: 'value',
    show: (value) => (typeof value === 'number' ? exactSize(value) : undefined),
  };
}

function parseBytes(value: string): unknown {
  const [, digits, unit] = /^(\d+)\s*([kmg]ib)?$/i.exec(value.trim()) ?? [];
  return digits === undefined ? value : Number(digits) * (byteUnits[unit?.toLowerCase() ?? ''] ?? 1);
}

/** Milliseconds, written as a duration or in seconds; a negative one is `Infinity`. */
export function duration(): ValueKind<number> {
  return {
    // Zod's numbers are finite.
    schema: z.preprocess(
      (value) => durationMs(value) ?? value,
      z.custom<number>((value) => typeof value === 'number' && value >= 0),
    ),
    parseText: (value) => value.trim(),
    allowed: 'a duration such as 5m, 1h30m, or a number of seconds; -1 for no end',
    form: 'value',
    show: (value) => (typeof value !== 'number' ? undefined : value === Infinity ? 'no end' : `${value / 1000} s`),
  };
}

/** A fraction above 0, and at most 1. */
export function fraction(): ValueKind<number> {
  return {
    schema: z.number().gt(0).max(1),
    parseText: (value) => (/^\d*\.?\d+$/.test(value.trim()) ? Number(value) : value),
    allowed: 'a number above 0, and at most 1',
    form: 'value',
  };
}

/** A number from `min` to `max`, both included. */
export function decimal(min: number, max = Infinity): ValueKind<number> {
  return {
    schema: z.number().min(min).max(max),
    parseText: (value) => (/^-?(\d+\.?\d*|\.\d+)$/.test(value.trim()) ? Number(value) : value),
    allowed: max === Infinity ? `a number of at least ${min}` : `a number from ${min} to ${max}`,
    form: 'value',
  };
}

/** The address of a server: http or https, which may be left out, or `unix:PATH`. */
export function serverAddress(): ValueKind<string> {
  const { schema } = httpAddress('http');
  return {
    schema: z.union([z.string().regex(/^unix:./), schema]),
    parseText: (value) => value.trim(),
    allowed: 'an http or https address, host:port, or unix:PATH',
    form: 'value',
  };
}

/** Several whole numbers of at least `min`. As text: a JSON list, or separated by commas. */
export function wholeNumbers(what: string, min = 0): ValueKind<readonly number[]> {
  const { schema, parseText } = wholeNumber(min);
  const split = (value: unknown): unknown => {
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    return given.flatMap((item) => (typeof item === 'string' ? item.split(',').map(parseText) : [item]));
  };
  return {
    schema: z.preprocess(split, z.array(schema)),
    parseText: (value) => (value.trimStart().startsWith('[') ? parseJsonList(value) : value),
    allowed: `${what}, as a JSON list or separated by commas`,
    form: 'list',
  };
}

interface ChoiceWords<T extends string> {
  /** Synonyms of some values. */
  readonly synonyms?: Readonly<Record<string, NoInfer<T>>>;
  /** Explanations of some values in the help. */
  readonly notes?: Partial<Readonly<Record<NoInfer<T>, string>>>;
}

/** One of a few words, case-insensitive. */
export function choice<const T extends string>(
  values: readonly T[],
  { synonyms = {}, notes = {} }: ChoiceWords<T> = {},
): ValueKind<T> {
  const find = (value: string) => {
    const word = value.trim().toLowerCase();
    return values.find((known) => known.toLowerCase() === word) ?? synonyms[word] ?? value;
  };
  return {
    schema: z.preprocess((value) => (typeof value === 'string' ? find(value) : value), z.enum(values)),
    parseText: find,
    allowed: `one of ${values.join(', ')}`,
    form: 'value',
    values: values.map((value) => (notes[value] === undefined ? value : `${value} (${notes[value]})`)),
  };
}

/** A kind that also takes other words, in lower case; `others` completes "or …". */
export function orWord<T extends string>(kind: ValueKind<T>, pattern: RegExp, others: string): ValueKind<string> {
  const word = z
    .string()
    .regex(pattern)
    .transform((value) => value.trim().toLowerCase());
  return { ...kind, schema: z.union([kind.schema, word]), allowed: `${kind.allowed}, or ${others}` };
}

const booleanWords: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
};

/** True or false. */
export function toggle(): ValueKind<boolean> {
  return {
    schema: z.boolean(),
    parseText: (value) => booleanWords[value.trim().toLowerCase()] ?? value,
    allowed: 'true or false',
    form: 'switch',
  };
}

/** Several texts. As text: a JSON list, or separated by commas. */
export function list(allowed: string, accepts: (item: string) => boolean = () => true): ValueKind<readonly string[]> {
  return {
    schema: z.array(z.string().min(1).refine(accepts)),
    parseText: parseList,
    allowed: `${allowed}, as a JSON list or separated by commas`,
    form: 'list',
  };
}

/** At least `least` texts without commas, which separate them in every source. */
export function words(allowed: string, accepts: (item: string) => boolean, least = 0): ValueKind<readonly string[]> {
  return {
    schema: z.preprocess(splitWords, z.array(z.string().min(1).refine(accepts)).min(least)),
    parseText: (value) => (value.trimStart().startsWith('[') ? parseJsonList(value) : value),
    allowed: `${allowed}, as a JSON list or separated by commas`,
    form: 'list',
  };
}

/** Splits at commas. An empty text stays one: it is a mistake, such as a variable that is not set, and no empty list. */
function splitWords(value: unknown): unknown {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  return given.flatMap((item) => (typeof item === 'string' ? item.split(',').map((word) => word.trim()) : [item]));
}

/** The permissions of a file, in octal digits: text, since YAML reads a bare 0660 as a decimal number. */
export function fileMode(): ValueKind<number> {
  return {
    schema: z
      .string()
      .regex(/^0?[0-7]{3}$/)
      .transform((value) => Number.parseInt(value, 8)),
    parseText: (value) => value.trim(),
    allowed: 'an octal file mode such as 0660, in quotes in a configuration file',
    form: 'value',
    show: (value) => (typeof value === 'number' ? value.toString(8).padStart(4, '0') : undefined),
  };
}

/** Any of several words. */
export function choices<const T extends string>(values: readonly T[]): ValueKind<readonly T[]> {
  const { schema } = choice(values);
  return {
    schema: z.array(schema),
    parseText: parseList,
    allowed: `any of ${values.join(', ')}, as a JSON list or separated by commas`,
    form: 'list',
    values,
  };
}

function parseList(value: string): unknown {
  if (value.trimStart().startsWith('[')) return parseJsonList(value);
  const items = value.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}

function parseJsonList(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** A kind that can also be `auto`, which stands for `automatic`. */
export function orAuto<T>(kind: ValueKind<T>): ValueKind<T | undefined>;
export function orAuto<T>(kind: ValueKind<T>, automatic: NoInfer<T>): ValueKind<T>;
export function orAuto<T>(kind: ValueKind<T>, automatic?: T): ValueKind<T | undefined> {
  return {
    ...kind,
    schema: z.preprocess(
      (value) => (value === 'auto' ? automatic : value),
      automatic === undefined ? kind.schema.optional() : kind.schema,
    ),
    allowed: `${kind.allowed}, or auto`,
  };
}

/** A kind that can also be `off`, which stands for undefined. */
export function orOff<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return {
    ...kind,
    // YAML parses the bare word as a boolean.
    schema: z.preprocess((value) => (value === 'off' || value === false ? undefined : value), kind.schema.optional()),
    allowed: `${kind.allowed}, or off`,
    show: (value) => (value === undefined ? 'off' : kind.show?.(value)),
  };
}

/** A kind that may also be unset. */
export function optional<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return { ...kind, schema: kind.schema.optional() };
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
