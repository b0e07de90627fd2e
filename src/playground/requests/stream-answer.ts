import { createParser } from 'eventsource-parser';
import { ended, errorIn, failed, stopped, withChunk } from './answer.ts';
import type { Answer } from './answer.ts';
import { parseJson } from './json.ts';

export interface AskOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body, as JSON. */
  readonly body: string;
  readonly signal: AbortSignal;
  readonly answer: Answer;
  /** Called with the answer whenever it has grown. */
  readonly onAnswer: (answer: Answer) => void;
}

/** Asks a question and follows its answer. Resolves with the answer when it has ended, failed, or was stopped. */
export async function streamAnswer(options: AskOptions): Promise<Answer> {
  const { url, headers, body, signal, onAnswer } = options;
  const sentAt = performance.now();
  const sinceMs = (): number => performance.now() - sentAt;
  let { answer } = options;
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    if (!response.ok) return failed(answer, await refusalOf(response), sinceMs());
    await readEvents(response, (data) => {
      answer = withChunk(answer, parseJson(data), sinceMs());
      onAnswer(answer);
    });
    return ended(answer, sinceMs());
  } catch (error) {
    if (signal.aborted) return stopped(answer, sinceMs());
    return failed(answer, `The server cannot be reached: ${error instanceof Error ? error.message : ''}`, sinceMs());
  }
}

/** Why a request was refused. */
async function refusalOf(response: Response): Promise<string> {
  const body = await response.text();
  return errorIn(parseJson(body)) ?? `The server answered ${String(response.status)} ${response.statusText}.`;
}

async function readEvents(response: Response, onData: (data: string) => void): Promise<void> {
  const parser = createParser({
    onEvent({ data }) {
      if (data !== '[DONE]') onData(data);
    },
  });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const read = await reader?.read();
    if (read === undefined || read.done) return;
    parser.feed(decoder.decode(read.value, { stream: true }));
  }
}
