import { VserveError } from '../../src/errors/index.ts';

/** Numbers tokens as they are met. */
export class EchoVocabulary {
  readonly #texts: string[] = [];
  readonly #ids = new Map<string, number>();

  idOf(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#texts.push(text) - 1;
    this.#ids.set(text, id);
    return id;
  }

  /** Throws `invalid_request` for a number that no token has. */
  textOf(id: number, param?: string): string {
    const text = this.#texts[id];
    if (text !== undefined) return text;
    throw new VserveError('invalid_request', `The model has no token ${id}.`, param === undefined ? {} : { param });
  }
}
