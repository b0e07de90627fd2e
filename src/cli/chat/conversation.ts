import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Message } from '../../client/index.ts';
import { fileFault, systemErrorCode, VserveError } from '../../errors/index.ts';
import { systemMessage, userMessage } from '../ask/question.ts';

/** A picture that the next message shows. */
export interface ShownPicture {
  readonly name: string;
  readonly url: string;
}

const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.union([
    z.string(),
    z.array(
      z.union([
        z.object({ type: z.literal('text'), text: z.string() }),
        z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
      ]),
    ),
  ]),
});
const savedSchema = z.object({ messages: z.array(messageSchema) });

/** What was said so far, and what the next message shows. */
export class Conversation {
  system: string | undefined;
  pictures: readonly ShownPicture[] = [];
  #turns: readonly Message[] = [];

  constructor(system: string | undefined) {
    this.system = system;
  }

  get isEmpty(): boolean {
    return this.#turns.length === 0;
  }

  /** All of it, as a request has it. */
  get messages(): readonly Message[] {
    return [...systemMessage(this.system), ...this.#turns];
  }

  /** Adds what the user says, with the pictures to be shown; returns what takes it back. */
  say(text: string): () => void {
    const { pictures } = this;
    const before = this.#turns;
    const urls = pictures.map(({ url }) => url);
    this.#turns = [...before, userMessage(text, urls)];
    this.pictures = [];
    return () => {
      this.#turns = before;
      this.pictures = pictures;
    };
  }

  answer(text: string): void {
    this.#turns = [...this.#turns, { role: 'assistant', content: text }];
  }

  /** Forgets everything but the system message. */
  reset(): void {
    this.#turns = [];
    this.pictures = [];
  }

  /** Writes it to a new file, as JSON. Throws `invalid_setting`. */
  async save(path: string, model: string): Promise<void> {
    const text = `${JSON.stringify({ model, messages: this.messages }, undefined, 2)}\n`;
    await writeFile(path, text, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
      const isThere = systemErrorCode(cause) === 'EEXIST';
      const reason = isThere ? 'is there already: name another file' : `cannot be written: ${fileFault(cause)}`;
      throw new VserveError('invalid_setting', `${path} ${reason}.`, { cause });
    });
  }

  /** Goes on with one that was saved. Throws `invalid_setting`. */
  async load(path: string): Promise<void> {
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new VserveError('invalid_setting', `${path} cannot be read: ${fileFault(cause)}`, { cause });
    });
    const { messages } = parseSaved(text, path);
    const [first] = messages;
    const system = first?.role === 'system' && typeof first.content === 'string' ? first.content : undefined;
    this.reset();
    this.system = system;
    this.#turns = system === undefined ? messages : messages.slice(1);
  }
}

function parseSaved(text: string, path: string): z.infer<typeof savedSchema> {
  try {
    return savedSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new VserveError('invalid_setting', `${path} is not a conversation that /save has written.`, { cause });
  }
}
