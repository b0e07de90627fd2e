/** The multiples of a number between two bounds as a grammar. */
import { anyOf } from './gbnf.ts';
import { type Bound, decimalOf, scaledDown, scaledUp } from './number-range.ts';
import type { JsonValue } from '../../../src/backend/index.ts';
import { refuse } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';

export interface Multiples {
  /** Undefined for no bound. */
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
  /** Greater than 0. */
  readonly step: number;
  readonly isInteger: boolean;
}

/** Digits before the point where there is no bound: as many as a double keeps. */
const mostDigits = 15;
/** The remainders are counted in one pass over the digits. */
const greatestStep = 20_000;
const mostRuleBytes = 256 * 1024;

/** A grammar of numbers without exponents; undefined where there are none. Refuses, with `at`, a step that would need too many rules. */
export function multiplesRule(
  { min, max, step, isInteger }: Multiples,
  at: string,
  reader: SchemaReader,
): string | undefined {
  const { digits, places } = decimalOf(step);
  const unit = 10n ** BigInt(places);
  // An integer that is a multiple of 2.5 is one of 5.
  const decimals = isInteger ? 0 : places;
  const every = isInteger ? digits / greatestCommon(digits, unit) : digits;
  if (every > BigInt(greatestStep)) refuse(at, `A multipleOf of so many digits is not supported: ${step}.`);
  const greatest = 10n ** BigInt(mostDigits + decimals) - 1n;
  const least = min === undefined ? -greatest : scaledUp(min, decimals);
  const most = max === undefined ? greatest : scaledDown(max, decimals);
  const digitsOf = new MultipleDigits(Number(every), decimals, at, reader);
  const alternatives = [
    least < 0n ? digitsOf.between(most < 0n ? -most : 1n, -least, '"-" ') : undefined,
    most >= 0n ? digitsOf.between(least < 0n ? 0n : least, most, '') : undefined,
  ].filter((one) => one !== undefined);
  return alternatives.length === 0 ? undefined : anyOf(alternatives);
}

/** Of two numbers greater than 0; undefined where no double is it. */
export function leastCommonMultiple(a: JsonValue, b: JsonValue): number | undefined {
  if (typeof a !== 'number' || typeof b !== 'number' || !(a > 0 && b > 0)) return undefined;
  const decimals = [decimalOf(a), decimalOf(b)] as const;
  const places = Math.max(...decimals.map((one) => one.places));
  const [one, other] = decimals.map(({ digits, places: own }) => digits * 10n ** BigInt(places - own));
  if (one === undefined || other === undefined) return undefined;
  const common = (one / greatestCommon(one, other)) * other;
  return common <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(`${common}e-${places}`) : undefined;
}

/** Whether a number is a whole number of steps, as they are written. */
export function isMultiple(value: number, step: number): boolean {
  const [written, by] = [decimalOf(value), decimalOf(step)];
  const places = Math.max(written.places, by.places);
  return (
    (written.digits * 10n ** BigInt(places - written.places)) % (by.digits * 10n ** BigInt(places - by.places)) === 0n
  );
}

function greatestCommon(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommon(b, a % b);
}

/** What is known of a number, in units of the last decimal, of which some digits are written. */
interface Written {
  /** Digits to come. */
  readonly left: number;
  /** Of what is written, divided by the step. */
  readonly remainder: number;
  /** What the digits to come have to be at least, and at most; undefined for any. */
  readonly low: string | undefined;
  readonly high: string | undefined;
}

class MultipleDigits {
  readonly #step: number;
  readonly #decimals: number;
  readonly #at: string;
  readonly #reader: SchemaReader;
  /** What may follow, without a bound, by the digits to come and the remainder. */
  readonly #free = new Map<string, string | undefined>();
  readonly #lengthBefore: number;

  constructor(step: number, decimals: number, at: string, reader: SchemaReader) {
    this.#step = step;
    this.#decimals = decimals;
    this.#at = at;
    this.#reader = reader;
    this.#lengthBefore = reader.leaves.length;
  }

  /** Numbers from one to another, neither below 0, in units of the last decimal. */
  between(from: bigint, to: bigint, sign: string): string | undefined {
    if (from > to) return undefined;
    const ends = [from, to].map((end) => end.toString().padStart(this.#decimals + 1, '0'));
    const [low = '', high = ''] = ends;
    const alternatives: string[] = [];
    for (let { length } = low; length <= high.length; length++) {
      const least = length === low.length ? low : `1${'0'.repeat(length - 1)}`;
      const most = length === high.length ? high : '9'.repeat(length);
      const found = this.#digits({ left: length, remainder: 0, low: least, high: most });
      if (found !== undefined) alternatives.push(sign + found);
    }
    return alternatives.length === 0 ? undefined : anyOf(alternatives);
  }

  /** Digits to come, of which there is one at least. */
  #digits(written: Written): string | undefined {
    const { left, remainder, low, high } = written;
    if (low !== undefined || high !== undefined) return this.#read(written);
    const key = `${left} ${remainder}`;
    if (!this.#free.has(key)) {
      const gbnf = this.#read(written);
      this.#free.set(key, gbnf === undefined ? undefined : this.#reader.leaves.rule(gbnf));
      if (this.#reader.leaves.length - this.#lengthBefore > mostRuleBytes)
        refuse(this.#at, `A multipleOf of ${this.#step} is not supported: its multiples have too little in common.`);
    }
    return this.#free.get(key);
  }

  #read(written: Written): string | undefined {
    const { left, remainder, low, high } = written;
    this.#reader.budget.spend(20, this.#at);
    const [first, last] = [Number(low?.charAt(0) ?? 0), Number(high?.charAt(0) ?? 9)];
    const digits = new Map<string, string>();
    for (let digit = first; digit <= last; digit++) {
      const rest = this.#after({
        left: left - 1,
        remainder: (remainder * 10 + digit) % this.#step,
        low: digit === first ? low?.slice(1) : undefined,
        high: digit === last ? high?.slice(1) : undefined,
      });
      if (rest !== undefined) digits.set(rest, `${digits.get(rest) ?? ''}${digit}`);
    }
    const alternatives = [...digits].map(([rest, set]) => `[${set}] ${rest}`.trim());
    return alternatives.length === 0 ? undefined : anyOf(alternatives);
  }

  /** What may follow a digit: the point, where the decimals begin, or nothing, where those to come are zeros. */
  #after(written: Written): string | undefined {
    const { left, remainder, low } = written;
    if (left === 0) return remainder === 0 ? '' : undefined;
    const more = this.#digits(written);
    const point = left === this.#decimals ? '"." ' : '';
    const mayEnd = left <= this.#decimals && this.#divides(remainder, left) && /^0*$/.test(low ?? '');
    if (more === undefined) return mayEnd ? '' : undefined;
    return mayEnd ? `(${point}${more})?` : point + more;
  }

  /** Whether a number is a multiple if only zeros follow. */
  #divides(remainder: number, zeros: number): boolean {
    let rest = remainder;
    for (let i = 0; i < zeros; i++) rest = (rest * 10) % this.#step;
    return rest === 0;
  }
}
