/** The tool calls of a conversation that have no result yet. Each step takes the same time, however many there are. */
export class OpenCalls {
  /** The function of each call, by id. */
  readonly #names = new Map<string, string>();
  readonly #answered = new Set<string>();
  /** Ids in order, by the function's name. */
  readonly #byName = new Map<string, Queue>();
  readonly #all: Queue = { ids: [], next: 0 };
  #lastNumber = 0;

  /** An id for a call that came without one. */
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

  /** The function that a call calls. Undefined where no call has that id. */
  nameOf(id: string): string | undefined {
    return this.#names.get(id);
  }

  answer(id: string): void {
    this.#answered.add(id);
  }

  /** Answers the first call that is open, of a name where one is given. Undefined where there is none. */
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
  /** Index of the first that may be open. */
  next: number;
}
