import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { Writable } from 'node:stream';

/** Has a terminal mark what is pasted, so that its lines are one message. */
const MARK_PASTES = '\u001B[?2004h';
const LEAVE_PASTES = '\u001B[?2004l';
/** Stands in front of the further lines of a message. */
const MORE = '… ';

export interface LineEditorOptions {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** What could stand in place of the end of a line, and that end. */
  readonly complete: (line: string) => [string[], string];
  /** Ctrl+C was typed. */
  readonly onInterrupt: () => void;
}

/**
 * Reads messages that are typed, pasted or piped. What is typed while no message is awaited is not shown, and is there for
 * the next one. A line that ends with a backslash goes on in the next.
 */
export class LineEditor {
  readonly #readline: Interface;
  readonly #output: GatedOutput;
  readonly #isTerminal: boolean;
  readonly #ready: string[] = [];
  #begun: string[] = [];
  #isPasting = false;
  #isClosed = false;
  #prompt = '';
  #wake: (() => void) | undefined;

  constructor({ input, output, complete, onInterrupt }: LineEditorOptions) {
    this.#isTerminal = input.isTTY && output.isTTY;
    this.#output = new GatedOutput(output);
    this.#readline = createInterface({
      input,
      output: this.#output,
      terminal: this.#isTerminal,
      completer: complete,
      removeHistoryDuplicates: true,
    });
    this.#readline.on('SIGINT', onInterrupt);
    this.#readline.on('line', (line) => this.#take(line));
    this.#readline.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
    if (!this.#isTerminal) return;
    input.on('keypress', (_, key: { readonly name?: string } | undefined) => this.#notePaste(key?.name));
    output.write(MARK_PASTES);
  }

  /** The next message; undefined when there are no more, or after an abort. */
  async next(prompt: string, signal: AbortSignal): Promise<string | undefined> {
    this.#prompt = prompt;
    if (this.#ready.length === 0) await this.#wait(signal);
    else if (this.#isTerminal) this.#output.pass(`${prompt}${this.#ready[0] ?? ''}\n`);
    return signal.aborted ? undefined : this.#ready.shift();
  }

  /** Empties the line. */
  clear(): void {
    this.#begun = [];
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
  }

  /** Shows the prompt again, below what was printed. */
  redraw(): void {
    this.#show();
  }

  close(): void {
    if (this.#isTerminal) this.#output.pass(LEAVE_PASTES);
    this.#readline.close();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted) return;
    if (this.#isTerminal) this.#show();
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.#wake = wake;
    });
    this.#wake = undefined;
    this.#output.isOpen = false;
  }

  #show(): void {
    this.#output.isOpen = true;
    this.#readline.setPrompt(this.#begun.length === 0 ? this.#prompt : MORE);
    this.#readline.prompt(true);
  }

  #take(line: string): void {
    if (!this.#isTerminal) {
      this.#submit(line);
      return;
    }
    const goesOn = !this.#isPasting && line.endsWith('\\');
    this.#begun.push(goesOn ? line.slice(0, -1) : line);
    if (goesOn && this.#wake !== undefined) this.#show();
    if (!goesOn && !this.#isPasting) this.#submit(this.#begun.splice(0).join('\n'));
  }

  #submit(message: string): void {
    this.#ready.push(message);
    this.#wake?.();
  }

  #notePaste(key: string | undefined): void {
    if (key === 'paste-start') this.#isPasting = true;
    if (key === 'paste-end') this.#isPasting = false;
  }
}

/** A terminal's output that can be shut. Readline asks it for its size. */
class GatedOutput extends Writable {
  isOpen = false;
  readonly #target: NodeJS.WriteStream;

  constructor(target: NodeJS.WriteStream) {
    super({ decodeStrings: false });
    this.#target = target;
    target.on('resize', () => this.emit('resize'));
  }

  get columns(): number {
    return this.#target.columns;
  }

  pass(text: string): void {
    this.#target.write(text);
  }

  override _write(text: string, _: BufferEncoding, done: () => void): void {
    if (this.isOpen) this.#target.write(text);
    done();
  }
}
