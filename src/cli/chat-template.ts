import { readFile } from 'node:fs/promises';
import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';

/** What only a template has, and no path. */
const JINJA = /\{[{%#]/;

/**
 * The Jinja template that `--chat-template` gives: its text, the path of a file, or the path of a JSON file with the
 * template at `chat_template`, as tokenizer_config.json. Throws `invalid_setting`.
 */
export async function readChatTemplate(given: string | undefined, origin: string): Promise<string | undefined> {
  if (given === undefined || JINJA.test(given)) return given;
  const refuse = (reason: string, cause?: unknown): never => {
    const advice = 'Give the path of a Jinja template, or its text.';
    const message = `${origin} names ${JSON.stringify(given)}, which ${reason}. ${advice}`;
    throw new VserveError('invalid_setting', message, { cause, param: 'chatTemplate' });
  };
  const text = await readFile(given, 'utf8').catch((cause: unknown) =>
    refuse(systemErrorCode(cause) === 'ENOENT' ? 'does not exist' : `cannot be read (${messageOf(cause)})`, cause),
  );
  const template = given.endsWith('.json') ? templateInJson(text) : text;
  return template === undefined || template.trim() === '' ? refuse('has no template') : template;
}

function templateInJson(text: string): string | undefined {
  try {
    const { chat_template: template } = JSON.parse(text) as { readonly chat_template?: unknown };
    return typeof template === 'string' ? template : undefined;
  } catch {
    return undefined;
  }
}
