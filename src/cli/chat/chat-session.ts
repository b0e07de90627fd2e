import { chat } from '../../client/index.ts';
import type { ChatRequest } from '../../client/index.ts';
import { isCodedError } from '../../errors/index.ts';
import { AnswerPrinter, answerSummary } from '../ask/answer-printer.ts';
import type { Connection } from '../ask/connect.ts';
import { dataUrl, pictureUrl, readPicture } from '../ask/picture-url.ts';
import type { Context } from '../context.ts';
import { commandHelp, completeCommand, parseCommand } from './commands.ts';
import type { ChatCommand } from './commands.ts';
import { Conversation } from './conversation.ts';
import { LineEditor } from './line-editor.ts';
import { firstWord, takePastedPaths } from './pasted-paths.ts';

export interface ChatSessionOptions {
  readonly connection: Connection;
  readonly fields: Omit<ChatRequest, 'model' | 'messages'>;
  readonly system: string | undefined;
  readonly context: Context;
}

/** A conversation in the terminal. */
export class ChatSession {
  readonly #connection: Connection;
  readonly #fields: ChatSessionOptions['fields'];
  readonly #context: Context;
  readonly #conversation: Conversation;
  readonly #left = new AbortController();
  /** Ends the answer that is being generated. */
  #answering: AbortController | undefined;
  /** Whether another Ctrl+C leaves. */
  #isLeaving = false;
  #editor: LineEditor | undefined;

  constructor({ connection, fields, system, context }: ChatSessionOptions) {
    this.#connection = connection;
    this.#fields = fields;
    this.#context = context;
    this.#conversation = new Conversation(system);
  }

  /** Shows a picture with the next message, and on the terminal if that can. Throws `invalid_setting`. */
  async show(reference: string): Promise<void> {
    const { output } = this.#context;
    const isRemote = /^(https?|data):/i.test(reference);
    const bytes = isRemote ? undefined : await readPicture(reference);
    const url = bytes === undefined ? await pictureUrl(reference) : dataUrl(bytes, reference);
    this.#conversation.pictures = [...this.#conversation.pictures, { name: reference, url }];
    if (bytes === undefined || !output.isTerminal) return;
    const { terminalPicture } = await import('./terminal-picture.ts');
    const shown = await terminalPicture(bytes);
    if (shown !== undefined) output.print(shown);
  }

  /** Answers messages until the user leaves. */
  async run(): Promise<void> {
    const { output, openInput, signal } = this.#context;
    const { model, device } = this.#connection;
    const where = device === undefined ? '' : ` on ${device}`;
    output.note(output.style('dim', `${model}${where}. /help lists the commands, Ctrl+D leaves.`));
    const left = AbortSignal.any([signal, this.#left.signal]);
    const editor = new LineEditor({
      input: openInput(),
      output: output.terminal,
      complete: completeCommand,
      onInterrupt: () => this.#interrupt(),
    });
    this.#editor = editor;
    try {
      while (!left.aborted) {
        const message = await editor.next(this.#prompt(), left);
        if (message === undefined) break;
        this.#isLeaving = false;
        await this.#take(message);
      }
      if (output.isTerminal) output.print('');
    } finally {
      editor.close();
    }
    signal.throwIfAborted();
  }

  #prompt(): string {
    const count = this.#conversation.pictures.length;
    return count === 0 ? '> ' : `[${count === 1 ? '1 picture' : `${count} pictures`}] > `;
  }

  /** What cannot be done is told, and the conversation goes on. */
  async #take(message: string): Promise<void> {
    try {
      await this.#follow(message);
    } catch (error) {
      if (this.#context.signal.aborted || !isCodedError(error)) throw error;
      this.#context.output.fail(error.message);
    }
  }

  async #follow(message: string): Promise<void> {
    const command = parseCommand(message);
    if (command !== undefined) {
      if (command.name !== undefined) await this.#run(command.name, command.argument);
      else this.#context.output.note(`There is no /${command.word}. /help lists the commands.`);
      return;
    }
    const { text, paths } = await takePastedPaths(message);
    for (const path of paths) await this.show(path);
    if (text.trim() !== '') await this.#ask(text);
  }

  async #run(command: ChatCommand, argument: string): Promise<void> {
    const { output } = this.#context;
    const conversation = this.#conversation;
    switch (command) {
      case 'image':
        await this.#showAndAsk(argument);
        break;
      case 'system':
        if (argument !== '') conversation.system = argument === '-' ? undefined : argument;
        output.note(conversation.system ?? 'There is no system message.');
        break;
      case 'reset':
        conversation.reset();
        output.note('The conversation is forgotten.');
        break;
      case 'save':
        await this.#save(argument);
        break;
      case 'load':
        await conversation.load(firstWord(argument)[0]);
        output.note('The conversation goes on where it was saved.');
        break;
      case 'help':
        output.note(commandHelp());
        break;
      case 'exit':
        this.#left.abort();
        break;
    }
  }

  async #showAndAsk(argument: string): Promise<void> {
    const [path, question] = firstWord(argument);
    if (path === '') {
      this.#context.output.note('/image needs the path or the address of an image.');
      return;
    }
    await this.show(path);
    if (question !== '') await this.#ask(question);
  }

  async #save(argument: string): Promise<void> {
    const [given] = firstWord(argument);
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
    const path = given === '' ? `chat-${time}.json` : given;
    await this.#conversation.save(path, this.#connection.model);
    this.#context.output.note(`Saved to ${path}.`);
  }

  /** An answer that was stopped stays in the conversation as far as it came; one that failed never was asked for. */
  async #ask(text: string): Promise<void> {
    const { output, signal } = this.#context;
    const { endpoint, model } = this.#connection;
    const takeBack = this.#conversation.say(text);
    const printer = new AnswerPrinter(output);
    const { onText, onReasoning } = printer;
    const stop = new AbortController();
    this.#answering = stop;
    try {
      const request = { ...this.#fields, model, messages: this.#conversation.messages };
      const until = AbortSignal.any([signal, stop.signal]);
      const answer = await chat(endpoint, request, { onText, onReasoning, signal: until });
      this.#conversation.answer(answer.text);
      printer.end();
      if (output.isTerminal) output.note(output.style('dim', answerSummary(answer)));
    } catch (error) {
      printer.end();
      if (!stop.signal.aborted || printer.text === '') takeBack();
      else this.#conversation.answer(printer.text);
      if (!stop.signal.aborted) throw error;
      output.note(output.style('dim', 'Stopped. Ctrl+C again leaves.'));
    } finally {
      this.#answering = undefined;
    }
  }

  /** Ctrl+C stops the answer, else empties the line, else says how to leave, and then leaves. */
  #interrupt(): void {
    const editor = this.#editor;
    if (this.#answering !== undefined && !this.#answering.signal.aborted) {
      this.#isLeaving = true;
      this.#answering.abort(new Error('Stopped by the user.'));
    } else if (this.#isLeaving) {
      this.#left.abort();
      this.#answering?.abort();
    } else {
      this.#isLeaving = true;
      editor?.clear();
      this.#context.output.note('\nCtrl+C again leaves.');
      editor?.redraw();
    }
  }
}
