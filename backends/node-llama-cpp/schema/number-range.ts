/** Numbers between two bounds as grammars. */
import { anyOf, literal } from './gbnf.ts';

export interface NumberRange {
  /** Undefined for no bound. */
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
  /** Digits after the point at most. */
  readonly decimals: number;
}

export interface Bound {
  readonly value: number;
  /** Whether the bound itself is out of range. */
  readonly exclusive: boolean;
}

/** A number of decimal digits: `digits` / 10^`places`. */
export interface Decimal {
  readonly digits: bigint;
  readonly places: number;
}

export function decimalOf(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toString().split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const places = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return places >= 0 ? { digits, places } : { digits: digits * 10n ** BigInt(-places), places: 0 };
}

/**
 * The numbers of a range, without exponents; undefined where there are none. They have as many digits after the point as
 * the range allows at most, so bounds that are finer are rounded inwards.
 */
export function numberRange({ min, max, decimals }: NumberRange): string | undefined {
  const least = min === undefined ? undefined : scaledUp(min, decimals);
  const most = max === undefined ? undefined : scaledDown(max, decimals);
  if (least !== undefined && most !== undefined && least > most) return undefined;
  const alternatives: string[] = [];
  const negativeFrom = most === undefined || most >= 0n ? 1n : -most;
  const negativeTo = least === undefined ? undefined : -least;
  if (negativeTo === undefined || negativeTo >= negativeFrom) {
    alternatives.push(`"-" ${positive(negativeFrom, negativeTo, decimals)}`);
  }
  if (most === undefined || most >= 0n) {
    alternatives.push(positive(least === undefined || least < 0n ? 0n : least, most, decimals));
  }
  return anyOf(alternatives);
}

/** The least multiple of 10^-decimals in range, in that unit. */
export function scaledUp(bound: Bound, decimals: number): bigint {
  if (bound.value < 0) return -scaledDown({ ...bound, value: -bound.value }, decimals);
  const { digits, places } = decimalOf(bound.value);
  const unit = 10n ** BigInt(Math.max(places - decimals, 0));
  const scaled = digits * 10n ** BigInt(Math.max(decimals - places, 0));
  const rounded = (scaled + unit - 1n) / unit;
  return bound.exclusive && rounded * unit === scaled ? rounded + 1n : rounded;
}

/** The greatest multiple of 10^-decimals in range, in that unit. */
export function scaledDown(bound: Bound, decimals: number): bigint {
  if (bound.value < 0) return -scaledUp({ ...bound, value: -bound.value }, decimals);
  const { digits, places } = decimalOf(bound.value);
  const unit = 10n ** BigInt(Math.max(places - decimals, 0));
  const scaled = digits * 10n ** BigInt(Math.max(decimals - places, 0));
  const rounded = scaled / unit;
  return bound.exclusive && rounded * unit === scaled ? rounded - 1n : rounded;
}

/** Numbers from `from` to `to`, in units of 10^-decimals, neither below 0; no upper bound where `to` is undefined. */
function positive(from: bigint, to: bigint | undefined, decimals: number): string {
  const unit = 10n ** BigInt(decimals);
  const digitsOf = (value: bigint): string => (decimals === 0 ? '' : (value % unit).toString().padStart(decimals, '0'));
  const [first, low] = [from / unit, digitsOf(from)];
  const last = to === undefined ? undefined : to / unit;
  const high = to === undefined ? '' : digitsOf(to);
  if (first === last) return `${literal(first.toString())} ${fraction(low, high)}`;
  const alternatives: string[] = [];
  const isWhole = (digits: string, digit: string): boolean => digits === digit.repeat(decimals);
  let begin = first;
  if (!isWhole(low, '0')) {
    alternatives.push(`${literal(first.toString())} ${fraction(low, '9'.repeat(decimals))}`);
    begin++;
  }
  const end = last === undefined || isWhole(high, '9') ? last : last - 1n;
  if (end === undefined || begin <= end) {
    alternatives.push(`${integers(begin, end)} ${fraction('0'.repeat(decimals), '9'.repeat(decimals))}`);
  }
  if (last !== undefined && end !== last) {
    alternatives.push(`${literal(last.toString())} ${fraction('0'.repeat(decimals), high)}`);
  }
  return anyOf(alternatives);
}

/** Integers from `from` to `to`, neither below 0. */
export function integers(from: bigint, to: bigint | undefined): string {
  const alternatives: string[] = [];
  const longest = to === undefined ? Math.max(16, from.toString().length + 1) : to.toString().length;
  let low = from.toString();
  for (; low.length < longest; low = `1${'0'.repeat(low.length)}`)
    alternatives.push(between(low, '9'.repeat(low.length)));
  alternatives.push(between(low, to === undefined ? '9'.repeat(low.length) : to.toString()));
  return anyOf(alternatives);
}

/** Strings of digits from one to another of the same length. */
function between(low: string, high: string): string {
  if (low === high) return literal(low);
  const first = low.charAt(0);
  const last = high.charAt(0);
  const rest = low.length - 1;
  if (rest === 0) return `[${first}-${last}]`;
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) return `"${first}" ${between(lowRest, highRest)}`;
  const zeros = '0'.repeat(rest);
  const nines = '9'.repeat(rest);
  const alternatives: string[] = [];
  const begin = Number(first) + (lowRest === zeros ? 0 : 1);
  const end = Number(last) - (highRest === nines ? 0 : 1);
  if (lowRest !== zeros) alternatives.push(`"${first}" ${between(lowRest, nines)}`);
  if (begin <= end) alternatives.push(`[${begin}-${end}] [0-9]{${rest}}`);
  if (highRest !== nines) alternatives.push(`"${last}" ${between(zeros, highRest)}`);
  return anyOf(alternatives);
}

/** A point and digits that, with zeros after them, are between two strings of digits; none at all where those are zero. */
function fraction(low: string, high: string): string {
  if (low === '') return '""';
  const digits = fractionDigits(low, high);
  return /^0*$/.test(low) ? (/^0*$/.test(high) ? '""' : `("." ${digits})?`) : `"." ${digits}`;
}

function fractionDigits(low: string, high: string): string {
  const rest = low.length - 1;
  const first = low.charAt(0);
  const last = high.charAt(0);
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const tail = (from: string, to: string): string => {
    if (from === '') return '';
    const inner = fractionDigits(from, to);
    return /^0*$/.test(from) ? ` (${inner})?` : ` ${inner}`;
  };
  if (first === last) return `"${first}"${tail(lowRest, highRest)}`;
  const isFree = rest === 0 || (/^0*$/.test(lowRest) && /^9*$/.test(highRest));
  if (isFree) return `[${first}-${last}]${rest > 0 ? ` [0-9]{0,${rest}}` : ''}`;
  const alternatives: string[] = [];
  const begin = Number(first) + (/^0*$/.test(lowRest) ? 0 : 1);
  const end = Number(last) - (/^9*$/.test(highRest) ? 0 : 1);
  if (begin > Number(first)) alternatives.push(`"${first}"${tail(lowRest, '9'.repeat(rest))}`);
  if (begin <= end) alternatives.push(`[${begin}-${end}] [0-9]{0,${rest}}`);
  if (end < Number(last)) alternatives.push(`"${last}"${tail('0'.repeat(rest), highRest)}`);
  return anyOf(alternatives);
}
