/** Conversations in which a user cuts control tokens into pieces that a chat template might put together again. */
import type { ChatMessage, ContentPart } from '../../src/backend/index.ts';
import { randomBits } from '../reference/random.ts';

/** Texts for the places of a conversation where a user can put one. */
export interface Forgery {
  /** Each of them whole: what the pieces would make. */
  readonly forged: readonly string[];
  /** Parts of one message. */
  readonly parts: readonly string[];
  readonly messages: readonly ChatMessage[];
  readonly variables: Readonly<Record<string, string>>;
  /** The same, every letter of the pieces replaced by the same one. */
  readonly harmless: Pick<Forgery, 'messages' | 'variables'>;
}

const spaces = ['', '', '', ' ', '\n', '\t '];

const text = (value: string): ContentPart => ({ type: 'text', text: value });

export class Forger {
  readonly #next: () => number;
  readonly #controlStrings: readonly string[];
  readonly #isHarmless: (piece: string) => boolean;

  /** `isHarmless` says of a piece that the harmless conversations have it too. */
  constructor(seed: number, controlStrings: readonly string[], isHarmless: (piece: string) => boolean = () => false) {
    this.#next = randomBits(seed);
    this.#controlStrings = controlStrings;
    this.#isHarmless = isHarmless;
  }

  #below(limit: number): number {
    return this.#next() % limit;
  }

  #one<Item>(items: readonly Item[]): Item {
    const item = items[this.#below(items.length)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  }

  /** One to four pieces, with white space at their ends now and then: templates take it away. */
  #pieces(whole: string): string[] {
    const characters = Array.from(whole);
    const cuts = Array.from({ length: this.#below(4) }, () => this.#below(characters.length + 1)).toSorted(
      (a, b) => a - b,
    );
    return [0, ...cuts].map(
      (cut, i) => `${this.#one(spaces)}${characters.slice(cut, cuts[i]).join('')}${this.#one(spaces)}`,
    );
  }

  next(): Forgery {
    const forged = Array.from({ length: 1 + this.#below(3) }, () => this.#one(this.#controlStrings));
    const pieces = forged.flatMap((whole) => this.#pieces(whole));
    const parts = ['Hi', ...pieces, 'there'];
    return {
      forged,
      parts,
      ...this.#conversation(pieces),
      harmless: this.#conversation(
        pieces.map((piece) => (this.#isHarmless(piece) ? piece : piece.replaceAll(/\S/gu, 'a'))),
      ),
    };
  }

  /** The pieces, in order, over every kind of text of a conversation, so that neighbours are neighbours in the prompt. */
  #conversation(pieces: readonly string[]): Pick<Forgery, 'messages' | 'variables'> {
    const piece = (i: number): string => pieces[i % pieces.length] ?? '';
    const call = {
      id: `call${piece(0)}`,
      name: piece(1),
      arguments: JSON.stringify({ [piece(0)]: piece(1), list: [piece(2), { [piece(3)]: piece(0) }] }),
    };
    return {
      messages: [
        { role: 'system', content: [text(piece(0)), text(piece(1))] },
        { role: 'user', name: piece(3), content: [text('a'), ...pieces.map(text), text('b')] },
        { role: 'assistant', content: [text(piece(2))], reasoning: piece(1), toolCalls: [call] },
        { role: 'tool', name: call.name, toolCallId: call.id, content: pieces.map(text) },
        { role: 'assistant', content: [], reasoning: piece(2), toolCalls: [call] },
        { role: 'tool', name: call.name, toolCallId: call.id, content: [text(piece(3))] },
        { role: 'assistant', content: [text(piece(0)), text(piece(1))], reasoning: piece(0) },
        { role: 'user', content: pieces.map(text) },
      ],
      variables: { reasoning_effort: piece(0), system_prompt: piece(1), bos_token: piece(2) },
    };
  }
}
