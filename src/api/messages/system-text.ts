import type { TurnBlock } from './turn-blocks.ts';

/**
 * What Claude Code tells its provider in a block, or a first line, of the system text: it is not for the model, and it
 * changes from one conversation to the next, so that no prefix of theirs would be the same.
 */
const BILLING_HEADER = /^x-anthropic-billing-header:[^\n]*\n?/;

/** The text of a system prompt, a paragraph for each block. */
export function systemText(blocks: readonly TurnBlock[]): string {
  const texts = blocks.map((block) => ('type' in block && block.type === 'text' ? block.text : ''));
  return texts
    .map((text) => text.replace(BILLING_HEADER, ''))
    .filter((text) => text !== '')
    .join('\n\n');
}
