import type { ValueKind } from './option.ts';

/** How a number varies: by the letters of `max benchmark`, with their two parameters. */
export interface Distribution {
  readonly name: 'constant' | 'N' | 'U' | 'DU' | 'NB' | 'G' | 'LN';
  readonly parameters: readonly [number, number];
}

/** How a number varies in the first turn of a conversation, and in those after it. */
export interface TurnDistribution {
  readonly first: Distribution;
  readonly later: Distribution;
  /** As it was given. */
  readonly text: string;
}

const NUMBER = String.raw`\s*(-?\d+(?:\.\d+)?)\s*`;
const CALL = new RegExp(String.raw`^(N|U|DU|NB|G|LN)\(${NUMBER},${NUMBER}\)$`);

/** What the parameters of each must be. */
const isPossible: Readonly<Record<Distribution['name'], (a: number, b: number) => boolean>> = {
  constant: () => true,
  N: (_, std) => std >= 0,
  U: (lower, upper) => lower <= upper,
  DU: (lower, upper) => lower <= upper,
  NB: (n, p) => n > 0 && p > 0 && p <= 1,
  G: (shape, scale) => shape > 0 && scale > 0,
  LN: (mean, std) => mean > 0 && std >= 0,
};

/** A distribution that always gives this number. */
export function constantly(value: number): TurnDistribution {
  const distribution = { name: 'constant', parameters: [value, 0] } as const;
  return { first: distribution, later: distribution, text: String(value) };
}

/** A number of at least `min`, or a distribution of numbers: `512`, `N(512,64)`, and `N(2048,200);N(512,50)` by turns. */
export function distribution(min: number): ValueKind<TurnDistribution> {
  return {
    accept(value) {
      const text = typeof value === 'number' ? String(value) : value;
      const read = typeof text === 'string' ? parseTurns(text, min) : undefined;
      return read && { value: read };
    },
    parseText: (value) => value,
    allowed: `a number of at least ${min}, or N(mean,std), U(low,high), DU(low,high), NB(n,p), G(shape,scale) or LN(mean,std); one for the first turn and one for the others are separated by a semicolon`,
    form: 'value',
    show: (value) => (value as TurnDistribution).text,
  };
}

function parseTurns(text: string, min: number): TurnDistribution | undefined {
  const [first, later, ...rest] = text.split(';').map((part) => parseOne(part.trim(), min));
  if (first === undefined || rest.length > 0 || (later === undefined && text.includes(';'))) return undefined;
  return { first, later: later ?? first, text };
}

function parseOne(text: string, min: number): Distribution | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) {
    return Number(text) < min ? undefined : { name: 'constant', parameters: [Number(text), 0] };
  }
  const [, name, a, b] = CALL.exec(text) ?? [];
  if (name === undefined) return undefined;
  const read = { name: name as Distribution['name'], parameters: [Number(a), Number(b)] as const };
  return isPossible[read.name](...read.parameters) ? read : undefined;
}
