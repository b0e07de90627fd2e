import { show } from '../../api/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { ConversationNode } from './conversation-memory.ts';
import { pathTo } from './conversation-memory.ts';

type Item = ConversationNode['input'][number];

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const INPUT_PREFIXES: Readonly<Record<string, string>> = {
  message: 'msg_',
  reasoning: 'rs_',
  function_call: 'fc_',
  custom_tool_call: 'ctc_',
  function_call_output: 'fco_',
  custom_tool_call_output: 'cto_',
};

/** Items have the digits of the response that they came with. */
const ITEM_ID = /^[a-z]+_([0-9a-f]{32})i?\d+$/;

/** The id of the response that an item belongs to; undefined for an id that this server has not made. */
export function responseIdOf(itemId: string): string | undefined {
  const digits = ITEM_ID.exec(itemId)?.[1];
  return digits === undefined ? undefined : `resp_${digits}`;
}

/** The items of a response's own request, and of its output, each with an id. */
export function listedItems(node: ConversationNode): Item[] {
  return [...inputWithIds(node), ...node.output];
}

function inputWithIds({ responseId, input }: ConversationNode): Item[] {
  return input.map((item, index) => {
    const prefix = INPUT_PREFIXES[String(item['type'])] ?? 'item_';
    const id = item['id'] ?? `${prefix}${responseId.slice('resp_'.length)}i${String(index)}`;
    return { ...item, id, status: item['status'] ?? 'completed' };
  });
}

/** OpenAI's page of a list. */
export interface ItemPage {
  readonly object: 'list';
  readonly data: readonly Item[];
  readonly first_id: unknown;
  readonly last_id: unknown;
  readonly has_more: boolean;
}

/**
 * A page of the items that a response answers, those of the conversation before it included, the latest first unless asked
 * otherwise. Throws `invalid_request`.
 */
export function inputItemPage(node: ConversationNode, query: Readonly<Record<string, string>>): ItemPage {
  const before = node.previous === undefined ? [] : pathTo(node.previous);
  const items = [...before.flatMap(listedItems), ...inputWithIds(node)];
  const { order = 'desc', after } = query;
  if (order !== 'asc' && order !== 'desc') throw invalid('order', `order must be asc or desc, not ${show(order)}.`);
  const ordered = order === 'asc' ? items : items.toReversed();
  const start = after === undefined ? 0 : ordered.findIndex((item) => item['id'] === after) + 1;
  if (after !== undefined && start === 0)
    throw invalid('after', `after must be the id of an item, not ${show(after)}.`);
  const limit = limitOf(query['limit']);
  const data = ordered.slice(start, start + limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
    has_more: start + limit < ordered.length,
  };
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw invalid('limit', `limit must be an integer from 1 to ${String(MAX_LIMIT)}, not ${show(text)}.`);
}

function invalid(param: string, message: string): VserveError {
  return new VserveError('invalid_request', message, { param });
}
