import { durationMs } from '../formats/duration.ts';
import { exactSize } from '../formats/exact-size.ts';
import type { ValueKind } from './option.ts';

/** The longest delay of a timer in Node, in seconds. */
const LONGEST_TIMER_S = 2_147_483;

type Accept<T> = ValueKind<T>['accept'];

/** Text, which may be empty. */
export function anyText(): ValueKind<string> {
  return { accept: acceptIf(isText), parseText: (value) => value, allowed: 'a text', form: 'value' };
}

/** Text of at least one character. */
export function text(allowed: string, accepts: (value: string) => boolean = () => true): ValueKind<string> {
  return {
    accept: acceptIf((value): value is string => isText(value) && value !== '' && accepts(value)),
    parseText: (value) => value,
    allowed,
    form: 'value',
  };
}

/** An http or https address. Where `impliedScheme` is given, it may be left out, as in `localhost:3128`. */
export function httpAddress(impliedScheme?: 'http'): ValueKind<string> {
  const complete = (value: unknown): unknown => {
    if (impliedScheme === undefined || !isText(value) || value.includes('://')) return value;
    return `${impliedScheme}://${value}`;
  };
  return {
    accept: after(complete, acceptIf(isHttpUrl)),
    parseText: (value) => value.trim(),
    allowed: impliedScheme === undefined ? 'an http or https address' : 'an http or https address, or host:port',
    form: 'value',
  };
}

/** A whole number from `min` to `max`, both included. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): ValueKind<number> {
  return {
    accept: acceptIf((value): value is number => isNumber(value, min, max) && Number.isSafeInteger(value)),
    parseText: (value) => (/^-?\d+$/.test(value.trim()) ? Number(value) : value),
    allowed:
      max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`,
    form: 'value',
  };
}

/** Whole seconds, at least `min`, that a timer can wait. */
export function timerSeconds(min: number): ValueKind<number> {
  return wholeNumber(min, LONGEST_TIMER_S);
}

const byteUnits: Readonly<Record<string, number>> = { kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

/** A number of bytes, at least `min`: plain, or with KiB, MiB or GiB. */
export function byteCount(min = 1): ValueKind<number> {
  return {
    accept: after((value) => (isText(value) ? parseBytes(value) : value), wholeNumber(min).accept),
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
    accept: (value) => {
      const ms = durationMs(value);
      return ms === undefined ? undefined : { value: ms };
    },
    parseText: (value) => value.trim(),
    allowed: 'a duration such as 5m, 1h30m, or a number of seconds; -1 for no end',
    form: 'value',
    show: (value) => (typeof value !== 'number' ? undefined : value === Infinity ? 'no end' : `${value / 1000} s`),
  };
}

/** A fraction above 0, and at most 1. */
export function fraction(): ValueKind<number> {
  return {
    accept: acceptIf((value): value is number => isNumber(value, 0, 1) && value > 0),
    parseText: (value) => (/^\d*\.?\d+$/.test(value.trim()) ? Number(value) : value),
    allowed: 'a number above 0, and at most 1',
    form: 'value',
  };
}

/** A number from `min` to `max`, both included. */
export function decimal(min: number, max = Infinity): ValueKind<number> {
  return {
    accept: acceptIf((value): value is number => isNumber(value, min, max)),
    parseText: (value) => (/^-?(\d+\.?\d*|\.\d+)$/.test(value.trim()) ? Number(value) : value),
    allowed: max === Infinity ? `a number of at least ${min}` : `a number from ${min} to ${max}`,
    form: 'value',
  };
}

/** A number above 0. */
export function positive(): ValueKind<number> {
  return {
    ...decimal(0),
    accept: acceptIf((value): value is number => isNumber(value, 0, Infinity) && value > 0),
    allowed: 'a number above 0',
  };
}

/** Numbers above 0, or `inf`. As text: a JSON list, or separated by commas. */
export function rates(): ValueKind<readonly number[]> {
  const { parseText } = decimal(0);
  const parseOne = (value: string): unknown => (/^\s*inf(inity)?\s*$/i.test(value) ? Infinity : parseText(value));
  return {
    accept: after(
      splitBy(parseOne),
      listOf(
        acceptIf((value): value is number => typeof value === 'number' && value > 0),
        1,
      ),
    ),
    parseText: (value) => (value.trimStart().startsWith('[') ? parseJsonList(value) : value),
    allowed: 'numbers above 0, or inf, as a JSON list or separated by commas',
    form: 'list',
    show: (value) => (value as readonly number[]).map((rate) => (rate === Infinity ? 'inf' : String(rate))).join(', '),
  };
}

/** A width and a height in pixels: `640x480`. */
export function pixelSize(): ValueKind<{ readonly width: number; readonly height: number }> {
  return {
    accept(value) {
      const [, width, height] =
        (isText(value) ? /^\s*([1-9]\d{0,4})\s*x\s*([1-9]\d{0,4})\s*$/i.exec(value) : null) ?? [];
      return width === undefined ? undefined : { value: { width: Number(width), height: Number(height) } };
    },
    parseText: (value) => value,
    allowed: 'a width and a height in pixels, such as 640x480',
    form: 'value',
    show: (value) => {
      const { width, height } = (value ?? {}) as { readonly width?: number; readonly height?: number };
      return width === undefined ? undefined : `${width}x${String(height)}`;
    },
  };
}

/** The address of a server: http or https, which may be left out, or `unix:PATH`. */
export function serverAddress(): ValueKind<string> {
  return {
    accept: either(
      acceptIf((value): value is string => isText(value) && /^unix:./.test(value)),
      httpAddress('http').accept,
    ),
    parseText: (value) => value.trim(),
    allowed: 'an http or https address, host:port, or unix:PATH',
    form: 'value',
  };
}

/** Several whole numbers of at least `min`. As text: a JSON list, or separated by commas. */
export function wholeNumbers(what: string, min = 0): ValueKind<readonly number[]> {
  const { accept, parseText } = wholeNumber(min);
  return {
    accept: after(splitBy(parseText), listOf(accept)),
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
  const find = (value: string): T | undefined => {
    const word = value.trim().toLowerCase();
    return values.find((known) => known.toLowerCase() === word) ?? synonyms[word];
  };
  return {
    accept: (value) => accepted(isText(value) ? find(value) : undefined),
    parseText: (value) => find(value) ?? value,
    allowed: `one of ${values.join(', ')}`,
    form: 'value',
    values: values.map((value) => (notes[value] === undefined ? value : `${value} (${notes[value]})`)),
  };
}

/** A kind that also takes other words, in lower case; `others` completes "or …". */
export function orWord<T extends string>(kind: ValueKind<T>, pattern: RegExp, others: string): ValueKind<string> {
  const word: Accept<string> = (value) =>
    accepted(isText(value) && pattern.test(value) ? value.trim().toLowerCase() : undefined);
  return { ...kind, accept: either<string>(kind.accept, word), allowed: `${kind.allowed}, or ${others}` };
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
    accept: acceptIf((value): value is boolean => typeof value === 'boolean'),
    parseText: (value) => booleanWords[value.trim().toLowerCase()] ?? value,
    allowed: 'true or false',
    form: 'switch',
  };
}

/** Several texts. As text: a JSON list, or separated by commas. */
export function list(allowed: string, accepts: (item: string) => boolean = () => true): ValueKind<readonly string[]> {
  return {
    accept: listOf(text('', accepts).accept),
    parseText: parseList,
    allowed: `${allowed}, as a JSON list or separated by commas`,
    form: 'list',
  };
}

/** At least `least` texts without commas, which separate them in every source. */
export function words(allowed: string, accepts: (item: string) => boolean, least = 0): ValueKind<readonly string[]> {
  return {
    accept: after(splitWords, listOf(text('', accepts).accept, least)),
    parseText: (value) => (value.trimStart().startsWith('[') ? parseJsonList(value) : value),
    allowed: `${allowed}, as a JSON list or separated by commas`,
    form: 'list',
  };
}

/** Splits at commas. An empty text stays one: it is a mistake, such as a variable that is not set, and no empty list. */
function splitWords(value: unknown): unknown {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  return given.flatMap((item) => (isText(item) ? item.split(',').map((word) => word.trim()) : [item]));
}

/** The permissions of a file, in octal digits: text, since YAML reads a bare 0660 as a decimal number. */
export function fileMode(): ValueKind<number> {
  return {
    accept: (value) => accepted(isText(value) && /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined),
    parseText: (value) => value.trim(),
    allowed: 'an octal file mode such as 0660, in quotes in a configuration file',
    form: 'value',
    show: (value) => (typeof value === 'number' ? value.toString(8).padStart(4, '0') : undefined),
  };
}

/** Any of several words. */
export function choices<const T extends string>(values: readonly T[]): ValueKind<readonly T[]> {
  return {
    accept: listOf(choice(values).accept),
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
    accept: (value) => (value === 'auto' || value === undefined ? { value: automatic } : kind.accept(value)),
    allowed: `${kind.allowed}, or auto`,
  };
}

/** A kind that can also be `off`, which stands for undefined. */
export function orOff<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return {
    ...kind,
    // YAML parses the bare word as a boolean.
    accept: (value) =>
      value === 'off' || value === false || value === undefined ? { value: undefined } : kind.accept(value),
    allowed: `${kind.allowed}, or off`,
    show: (value) => (value === undefined ? 'off' : kind.show?.(value)),
  };
}

/** A kind that may also be unset. */
export function optional<T>(kind: ValueKind<T>): ValueKind<T | undefined> {
  return { ...kind, accept: (value) => (value === undefined ? { value } : kind.accept(value)) };
}

/** Splits texts at commas. */
function splitBy(parseOne: (text: string) => unknown): (value: unknown) => unknown {
  return (value) => {
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    return given.flatMap((item) => (isText(item) ? item.split(',').map(parseOne) : [item]));
  };
}

/** The value, if there is one. */
function accepted<T extends string | number>(value: T | undefined): ReturnType<Accept<T>> {
  return value === undefined ? undefined : { value };
}

function acceptIf<T>(isOne: (value: unknown) => value is T): Accept<T> {
  return (value) => (isOne(value) ? { value } : undefined);
}

/** Changes a value before it is checked. */
function after<T>(change: (value: unknown) => unknown, accept: Accept<T>): Accept<T> {
  return (value) => accept(change(value));
}

function either<T>(first: Accept<T>, second: Accept<T>): Accept<T> {
  return (value) => first(value) ?? second(value);
}

/** At least `least` items. */
function listOf<T>(accept: Accept<T>, least = 0): Accept<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length < least) return undefined;
    const items = value.map((item: unknown) => accept(item)).filter((item) => item !== undefined);
    return items.length < value.length ? undefined : { value: items.map((item) => item.value) };
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Finite. */
function isNumber(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max;
}

function isHttpUrl(value: unknown): value is string {
  return isText(value) && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
