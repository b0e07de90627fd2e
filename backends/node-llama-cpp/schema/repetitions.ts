import { repeated } from './gbnf.ts';
import type { LeafRules } from './leaf-rules.ts';

/** llama.cpp copies what is repeated so often at most, so greater counts are counted in blocks, and blocks of blocks. */
const block = 1000;

/** What can be counted so. */
export const mostCounted = Number.MAX_SAFE_INTEGER;

/** A rule, so often; `max` is infinite for no limit. */
export function repetitions(rule: string, min: number, max: number, leaves: LeafRules): string {
  if (max === Infinity) return min <= block ? repeated(rule, min, max) : `${exactly(rule, min, leaves)} ${rule}*`;
  if (max <= block) return repeated(rule, min, max);
  return [exactly(rule, min, leaves), upTo(rule, max - min, leaves)].filter((part) => part !== '').join(' ');
}

function exactly(rule: string, count: number, leaves: LeafRules): string {
  if (count === 0) return '';
  if (count <= block) return repeated(rule, count, count);
  const whole = exactly(blockOf(rule, leaves), Math.floor(count / block), leaves);
  return `${whole} ${exactly(rule, count % block, leaves)}`.trim();
}

/** Some blocks and less than one more, or all the blocks and the rest. */
function upTo(rule: string, count: number, leaves: LeafRules): string {
  if (count === 0) return '';
  if (count <= block) return repeated(rule, 0, count);
  const blocks = blockOf(rule, leaves);
  const whole = Math.floor(count / block);
  const less = `${upTo(blocks, whole - 1, leaves)} ${upTo(rule, block - 1, leaves)}`.trim();
  return `(${less} | ${`${exactly(blocks, whole, leaves)} ${upTo(rule, count % block, leaves)}`.trim()})`;
}

function blockOf(rule: string, leaves: LeafRules): string {
  return leaves.rule(repeated(rule, block, block));
}
