import type { ErrorFormat } from '../api/index.ts';
import { openaiErrors } from '../api/index.ts';
import { messagesErrors } from '../api/messages/index.ts';
import { ollamaErrors } from '../api/ollama/index.ts';
import { responsesErrors } from '../api/responses/index.ts';

/** The formats of errors that differ from OpenAI's, by the paths that have them. */
const others: readonly { readonly path: RegExp; readonly format: ErrorFormat }[] = [
  { path: /^\/v1\/messages(?=\/|$)/, format: messagesErrors },
  { path: /^\/v1\/responses(?=\/|$)/, format: responsesErrors },
  { path: /^\/api\//, format: ollamaErrors },
];

/** Whether a client speaks Anthropic's API, on a path that other APIs have, too. */
export function isForAnthropic(headers: Headers): boolean {
  return headers.has('anthropic-version');
}

/** How a path tells errors, those of before its route included: a body too large, a key that is missing. */
export function errorFormatOf(path: string): ErrorFormat {
  return others.find((other) => other.path.test(path))?.format ?? openaiErrors;
}
