import { fieldTable } from '../request/field-table.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { TEXT } from '../request/kinds.ts';
import { readFields } from '../request/read-fields.ts';
import { TOKEN_IDS } from '../request/token-text.ts';

export interface DetokenizeRequest {
  readonly model: string | undefined;
  readonly tokens: readonly number[];
}

const KINDS = { model: TEXT, tokens: TOKEN_IDS };
export const DETOKENIZE_FIELDS = fieldTable(KINDS, { model: ['model'], tokens: ['tokens'] }, {});

/** Parses the body of a request for the text of tokens: llama-server's, and vLLM's. Throws `invalid_request`. */
export function parseDetokenizeRequest(body: unknown, options: ReadOptions): DetokenizeRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with tokens, not ${show(body)}.`);
  const { model, tokens = [] } = readFields<typeof KINDS>(body, DETOKENIZE_FIELDS, options).values;
  return { model, tokens };
}
