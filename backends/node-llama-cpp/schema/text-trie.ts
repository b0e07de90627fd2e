import { anyOf, literal } from './gbnf.ts';
import type { LeafRules } from './leaf-rules.ts';

/**
 * The grammar of one of many different texts. Common beginnings stand once: what is left to match never has more ways to go
 * on than there are characters, however many texts there are.
 */
export function textTrie(texts: readonly string[], leaves: LeafRules): string {
  return branch([...new Set(texts)].sort(), 0, leaves);
}

/** Of texts in order, from their characters at `from` on. */
function branch(texts: readonly string[], from: number, leaves: LeafRules): string {
  const [first = ''] = texts;
  const common = commonLength(first, texts.at(-1) ?? '', from);
  const rest = texts.length === 1 ? '' : leaves.rule(anyOf(alternatives(texts, common, leaves)));
  return (
    [common > from ? literal(first.slice(from, common)) : '', rest].filter((part) => part !== '').join(' ') || '""'
  );
}

function alternatives(texts: readonly string[], from: number, leaves: LeafRules): string[] {
  const found: string[] = texts[0]?.length === from ? ['""'] : [];
  for (let begin = found.length; begin < texts.length;) {
    const character = texts[begin]?.codePointAt(from);
    let end = begin + 1;
    while (end < texts.length && texts[end]?.codePointAt(from) === character) end++;
    found.push(branch(texts.slice(begin, end), from, leaves));
    begin = end;
  }
  return found;
}

/** How much two texts have in common, in whole characters. */
function commonLength(a: string, b: string, from: number): number {
  let length = from;
  while (length < a.length && a.codePointAt(length) === b.codePointAt(length)) {
    length += (a.codePointAt(length) ?? 0) > 0xffff ? 2 : 1;
  }
  return length;
}
