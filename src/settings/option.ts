import { z } from 'zod';

/** What values an option takes and how they are written as text. */
export interface ValueKind<T> {
  /** Judges a value, whichever source it came from. */
  readonly schema: z.ZodType<T>;
  /** Reads the text of an environment variable or a flag; text that does not fit is returned for the schema to refuse. */
  readonly parseText: (text: string) => unknown;
  /** Completes "it must be …" in an error. */
  readonly allowed: string;
  /** `switch` is `--x` and `--no-x`; `list` may be repeated; `value` takes one argument. */
  readonly form: 'value' | 'switch' | 'list';
}

/** One option: everything that any part of the program needs to know about it. */
export interface Option<T> {
  /** Heading in the help. */
  readonly group: 'Model' | 'Hub' | 'Server' | 'Images' | 'General';
  /** Long flags without dashes; the first is the name, the others are aliases. Empty where there is no flag. */
  readonly flags: readonly string[];
  /** Names the argument in the help, as in `--port <port>`. */
  readonly argument?: string;
  /** Environment variable, also read from `.env`. */
  readonly environment?: string;
  /** Other names of the variable, which go after it. */
  readonly environmentAliases?: readonly string[];
  /** Nobody is shown the value. */
  readonly secret?: true;
  /** False where the option cannot stand in a configuration file. */
  readonly inConfigFile?: false;
  readonly help: string;
  readonly kind: ValueKind<T>;
  readonly default: NoInfer<T>;
  /** How the help and the configuration print the default, where the value itself would say too little. */
  readonly defaultText?: string;
}

/** Declares an option; gives the entry of the table its type. */
export function option<T>(declaration: Option<T>): Option<T> {
  return declaration;
}

/** Text of at least one character. */
export function text(allowed: string, accepts: (value: string) => boolean = () => true): ValueKind<string> {
  return {
    schema: z.string().min(1).refine(accepts),
    parseText: (value) => value,
    allowed,
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

/** A part of a whole: above 0, and at most 1. */
export function fraction(): ValueKind<number> {
  return {
    schema: z.number().gt(0).max(1),
    parseText: (value) => (/^\d*\.?\d+$/.test(value.trim()) ? Number(value) : value),
    allowed: 'a number above 0, and at most 1',
    form: 'value',
  };
}

/** One of a few words, in either case; `synonyms` are other words for some of them. */
export function choice<const T extends string>(
  values: readonly T[],
  synonyms: Readonly<Record<string, NoInfer<T>>> = {},
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

/** Several texts. As text: a JSON list, or parts between commas. */
export function list(allowed: string, accepts: (item: string) => boolean = () => true): ValueKind<readonly string[]> {
  return {
    schema: z.array(z.string().min(1).refine(accepts)),
    parseText: parseList,
    allowed: `${allowed}, as a JSON list or separated by commas`,
    form: 'list',
  };
}

function parseList(value: string): unknown {
  if (value.trimStart().startsWith('[')) {
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return value;
    }
  }
  const items = value.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}

/** A kind that may also be left unset: as text, the word `auto`. */
export function orAuto<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return {
    ...kind,
    schema: z.preprocess((value) => (value === 'auto' ? undefined : value), kind.schema.optional()),
    allowed: `${kind.allowed}, or auto`,
  };
}

/** A kind that can also be switched off: as text, the word `off`. */
export function orOff<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return {
    ...kind,
    // YAML reads the bare word as a truth value.
    schema: z.preprocess((value) => (value === 'off' || value === false ? undefined : value), kind.schema.optional()),
    allowed: `${kind.allowed}, or off`,
  };
}

/** A kind that may also be left unset, with no word for it. */
export function optional<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return { ...kind, schema: kind.schema.optional() };
}
