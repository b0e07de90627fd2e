/** The tool calls of a conversation, and which of them have no result yet. Every method takes constant time. */
export class OpenCalls {
  /** The function of each call, by the call's id. */
  readonly #names = new Map<string, string>();
  readonly #answered = new Set<string>();
  /** The ids of the calls of each function, in order. */
  readonly #byName = new Map<string, Queue>();
  readonly #all: Queue = { ids: [], next: 0 };
  #lastNumber = 0;

  /** Makes an id for a call without one. */
  newId(): string {
    let id: string;
    do id = `call_${String(this.#lastNumber++)}`;
    while (this.#names.has(id));
    return id;
  }

  add(id: string, name: string): void {
    this.#names.set(id, name);
    this.#answered.delete(id);
    const ofName = this.#byName.get(name) ?? { ids: [], next: 0 };
    this.#byName.set(name, ofName);
    ofName.ids.push(id);
    this.#all.ids.push(id);
  }

  /** The function of a call; undefined if there is no call with this id. */
  nameOf(id: string): string | undefined {
    return this.#names.get(id);
  }

  answer(id: string): void {
    this.#answered.add(id);
  }

  /** Answers the first open call, of the given function if any. Returns its id; undefined if there is none. */
  next(name: string | undefined): string | undefined {
    const queue = name === undefined ? this.#all : this.#byName.get(name);
    if (queue === undefined) return undefined;
    for (; queue.next < queue.ids.length; queue.next += 1) {
      const id = queue.ids[queue.next];
      if (id !== undefined && !this.#answered.has(id)) {
        this.#answered.add(id);
        return id;
      }
    }
    return undefined;
  }
}

interface Queue {
  readonly ids: string[];
  /** Index of the first call that may be open. */
  next: number;
}
