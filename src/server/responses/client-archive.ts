import { show } from '../../api/index.ts';
import type { ResponseArchive, ResponseRecord } from '../../api/responses/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { BackgroundResponse } from './background-response.ts';
import type { ConversationNode } from './conversation-memory.ts';
import { pathTo } from './conversation-memory.ts';
import { listedItems, responseIdOf } from './items.ts';
import type { ResponseStore } from './response-store.ts';
import { isUnfinished } from './response-store.ts';

type Items = ConversationNode['input'];

/**
 * What a request of a client finds in the store. It remembers the conversation that it continues, so that its response is
 * kept with all that came before, even if that is dropped from the store meanwhile.
 */
export class ClientArchive implements ResponseArchive {
  readonly #store: ResponseStore;
  readonly #owner: string;
  #previous: ConversationNode | undefined;

  constructor(store: ResponseStore, owner: string) {
    this.#store = store;
    this.#owner = owner;
  }

  hasRoomFor(input: Items): boolean {
    return this.#store.hasRoomFor(input, this.#previous);
  }

  conversation(responseId: string): Items {
    const param = 'previous_response_id';
    const found = this.#store.find(responseId, this.#owner);
    if (found === undefined) {
      const advice = 'Send the whole conversation as input instead.';
      const message = `There is no response ${show(responseId)}: it was not stored, or has been dropped. ${advice}`;
      throw new VserveError('previous_response_not_found', message, { param });
    }
    if (isUnfinished(found)) {
      throw new VserveError('invalid_request', `The response ${responseId} is not complete yet.`, { param });
    }
    this.#previous = found.node;
    return pathTo(found.node).flatMap(({ input, output }) => [...input, ...output]);
  }

  item(id: string, path: string): Items[number] {
    const responseId = responseIdOf(id);
    const found = responseId === undefined ? undefined : this.#store.find(responseId, this.#owner);
    const item = found === undefined ? undefined : listedItems(found.node).find((item) => item['id'] === id);
    if (item !== undefined) return item;
    const message = `${path}: there is no item ${show(id)}: it was not stored, or has been dropped. Send the item itself.`;
    throw new VserveError('response_not_found', message, { param: `${path}.id` });
  }

  keep(record: ResponseRecord): void {
    this.#store.keep(record, this.#owner, this.#previous);
  }

  /** Throws `at_capacity`. */
  keepUnfinished(work: BackgroundResponse, input: Items): void {
    this.#store.keepUnfinished(work, input, this.#owner, this.#previous);
  }
}
