import type { ResponseJson, ResponseRecord } from '../../api/responses/index.ts';
import { VserveError } from '../../errors/index.ts';
import { jsonBytes } from '../json-bytes.ts';
import type { BackgroundResponse } from './background-response.ts';
import type { ConversationNode } from './conversation-memory.ts';
import { ConversationMemory, pathTo } from './conversation-memory.ts';

export interface ResponseStoreLimits {
  readonly maxResponses: number;
  readonly maxBytes: number;
}

/** A response that is kept. */
export interface StoredResponse {
  readonly owner: string;
  readonly response: ResponseJson;
  readonly node: ConversationNode;
  /** What makes it, or has made it, without a client. */
  readonly work: BackgroundResponse | undefined;
}

/**
 * Responses in memory, each for its owner alone. For a new one, others make room: of the owner with the largest share, the
 * least recently used. Those that are still being made stay.
 */
export class ResponseStore {
  readonly #limits: ResponseStoreLimits;
  /** By id, the least recently used first. */
  readonly #entries = new Map<string, StoredResponse>();
  readonly #memory = new ConversationMemory();

  constructor(limits: ResponseStoreLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#entries.size;
  }

  get usedBytes(): number {
    return this.#memory.usedBytes;
  }

  /** The response of this id, if this owner has it. */
  find(id: string, owner: string): StoredResponse | undefined {
    const entry = this.#entries.get(id);
    if (entry?.owner !== owner) return undefined;
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    return entry;
  }

  /** Whether a response with this input, after that conversation, would be kept. */
  hasRoomFor(input: ConversationNode['input'], previous: ConversationNode | undefined): boolean {
    const { maxResponses, maxBytes } = this.#limits;
    return maxResponses > 0 && jsonBytes(input) + bytesUpTo(previous) <= maxBytes;
  }

  keep({ response, input }: ResponseRecord, owner: string, previous: ConversationNode | undefined): void {
    const bytes = jsonBytes(input) + jsonBytes(response);
    if (bytes + bytesUpTo(previous) > this.#limits.maxBytes) return;
    const node = { responseId: response.id, input, output: itemsOf(response), bytes, previous, holders: 0 };
    this.#add({ owner, response, node, work: undefined });
  }

  /** Keeps a response that is still being made. Throws `at_capacity` if such ones leave no room. */
  keepUnfinished(
    work: BackgroundResponse,
    input: ConversationNode['input'],
    owner: string,
    previous: ConversationNode | undefined,
  ): void {
    const unfinished = [...this.#entries.values()].filter(isUnfinished);
    if (unfinished.length >= this.#limits.maxResponses) throw tooMany(unfinished.length, '--max-stored-responses');
    const bytes = jsonBytes(input);
    const taken = unfinished.reduce((sum, { node }) => sum + node.bytes, 0);
    if (unfinished.length > 0 && taken + bytes > this.#limits.maxBytes) {
      throw tooMany(unfinished.length, '--max-stored-response-bytes');
    }
    const node: ConversationNode = {
      responseId: work.response.id,
      input,
      output: [],
      bytes,
      previous,
      holders: 0,
    };
    const entry: StoredResponse = {
      owner,
      node,
      work,
      get response() {
        return work.response;
      },
    };
    this.#add(entry);
    void this.#complete(node, work);
  }

  async #complete(node: ConversationNode, work: BackgroundResponse): Promise<void> {
    await work.finished();
    node.output = itemsOf(work.response);
    this.#memory.resize(node, jsonBytes(node.input) + jsonBytes(work.response) + work.keptBytes);
    this.#makeRoom();
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#memory.release(entry.node);
  }

  #add(entry: StoredResponse): void {
    this.#entries.set(entry.response.id, entry);
    this.#memory.hold(entry.node);
    this.#makeRoom(entry);
  }

  #makeRoom(newest?: StoredResponse): void {
    const { maxResponses, maxBytes } = this.#limits;
    const isOver = (): boolean => this.#entries.size > maxResponses || this.#memory.usedBytes > maxBytes;
    if (!isOver()) return;
    const shares = new Map<string, number>();
    const shareOf = (owner: string): number => shares.get(owner) ?? 0;
    // A share of the places, or of the bytes, whichever counts for more.
    const partOf = ({ node }: StoredResponse): number => Math.max(1 / maxResponses, node.bytes / maxBytes);
    for (const entry of this.#entries.values()) shares.set(entry.owner, shareOf(entry.owner) + partOf(entry));
    while (isOver()) {
      const entry = this.#leastWanted(shareOf, newest);
      if (entry === undefined) return;
      shares.set(entry.owner, shareOf(entry.owner) - partOf(entry));
      this.remove(entry.response.id);
    }
  }

  /** What is to go next: the newest one only if nothing else may. */
  #leastWanted(shareOf: (owner: string) => number, newest: StoredResponse | undefined): StoredResponse | undefined {
    let worst: StoredResponse | undefined;
    for (const entry of this.#entries.values()) {
      if (entry === newest || isUnfinished(entry)) continue;
      if (worst === undefined || shareOf(entry.owner) > shareOf(worst.owner)) worst = entry;
    }
    return worst ?? (newest === undefined || isUnfinished(newest) ? undefined : newest);
  }
}

function tooMany(count: number, flag: string): VserveError {
  const message = `The server is at work on ${String(count)} responses in the background, its limit (${flag}). Please retry later.`;
  return new VserveError('at_capacity', message);
}

export function isUnfinished({ work }: StoredResponse): boolean {
  return work?.isFinished === false;
}

function bytesUpTo(node: ConversationNode | undefined): number {
  return node === undefined ? 0 : pathTo(node).reduce((sum, { bytes }) => sum + bytes, 0);
}

function itemsOf({ output }: ResponseJson): ConversationNode['output'] {
  return output.map((item) => ({ ...item }));
}
