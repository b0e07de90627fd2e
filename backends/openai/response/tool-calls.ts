import { randomUUID } from 'node:crypto';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import type { ToolCallJson } from './chunk-json.ts';

type CallEvent = Extract<GenerationEvent, { readonly type: 'tool-call-delta' }>;

/** The calls of one answer, numbered from 0 as they begin. */
export class ToolCalls {
  readonly #indices = new Map<number, number>();

  get count(): number {
    return this.#indices.size;
  }

  /** The event of a piece of a call; undefined for one that says nothing. */
  read({ index: given, id, function: called }: ToolCallJson, position: number): Omit<CallEvent, 'tokens'> | undefined {
    const key = given ?? position;
    const known = this.#indices.get(key);
    const text = called?.arguments ?? '';
    if (known !== undefined)
      return text === '' ? undefined : { type: 'tool-call-delta', index: known, arguments: text };
    const index = this.#indices.size;
    this.#indices.set(key, index);
    const call = { id: id ?? `call_${randomUUID()}`, name: called?.name ?? '' };
    return { type: 'tool-call-delta', index, call, arguments: text };
  }
}
