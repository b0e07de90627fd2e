type Item = Readonly<Record<string, unknown>>;

/** What a request added to a conversation: its items, and the output that answers them. */
export interface ConversationNode {
  readonly responseId: string;
  readonly input: readonly Item[];
  output: readonly Item[];
  bytes: number;
  readonly previous: ConversationNode | undefined;
  /** Responses that are stored, and nodes that follow and are held themselves. */
  holders: number;
}

/** Counts the memory of conversations whose beginnings are shared: a node counts once, while anything needs it. */
export class ConversationMemory {
  #usedBytes = 0;

  get usedBytes(): number {
    return this.#usedBytes;
  }

  hold(node: ConversationNode): void {
    for (let next: ConversationNode | undefined = node; next !== undefined; next = next.previous) {
      next.holders += 1;
      if (next.holders > 1) return;
      this.#usedBytes += next.bytes;
    }
  }

  release(node: ConversationNode): void {
    for (let next: ConversationNode | undefined = node; next !== undefined; next = next.previous) {
      next.holders -= 1;
      if (next.holders > 0) return;
      this.#usedBytes -= next.bytes;
    }
  }

  /** Sets what a node that is held takes. */
  resize(node: ConversationNode, bytes: number): void {
    if (node.holders > 0) this.#usedBytes += bytes - node.bytes;
    node.bytes = bytes;
  }
}

/** From the first node to this one. */
export function pathTo(node: ConversationNode): ConversationNode[] {
  const path: ConversationNode[] = [];
  for (let next: ConversationNode | undefined = node; next !== undefined; next = next.previous) path.push(next);
  return path.toReversed();
}
