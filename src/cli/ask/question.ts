import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ContentPart, Message } from '../../client/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { Settings } from '../../settings/index.ts';
import type { Context } from '../context.ts';
import { dataUrl, pictureUrl } from './picture-url.ts';

const STDIN = '-';

type QuestionSettings = Pick<Settings, 'prompt' | 'images' | 'system'>;

/**
 * The messages that a command line asks for: the prompt, from standard input if it is `-` or missing, and the images in
 * front of it. Undefined for a terminal without a prompt, where a conversation is meant. Throws `invalid_setting`.
 */
export async function readQuestion(
  { prompt, images, system }: QuestionSettings,
  context: Context,
): Promise<readonly Message[] | undefined> {
  const input = context.openInput();
  const imagesFromStdin = images.filter((image) => image === STDIN).length;
  const isPromptPiped = prompt === STDIN || (prompt === undefined && imagesFromStdin === 0);
  if (imagesFromStdin > 1 || (imagesFromStdin > 0 && prompt === STDIN)) {
    throw new VserveError('invalid_setting', 'Standard input (-) can be one image or the prompt, not both.');
  }
  if (isPromptPiped && prompt === undefined && input.isTTY) return undefined;
  const piped = isPromptPiped || imagesFromStdin > 0 ? await readAll(input, context.signal) : undefined;
  const text = isPromptPiped ? (piped?.toString('utf8') ?? '') : (prompt ?? '');
  if (text.trim() === '' && images.length === 0) throw nothingToAsk();
  const urls = await Promise.all(
    images.map(async (image) =>
      image === STDIN ? dataUrl(piped ?? Buffer.alloc(0), 'Standard input') : pictureUrl(image),
    ),
  );
  return [...systemMessage(system), userMessage(text, urls)];
}

/** A text: `--prompt`, or standard input if that is `-` or missing. Throws `invalid_setting` for an empty one. */
export async function readPrompt(prompt: string | undefined, context: Context): Promise<string> {
  const isPiped = prompt === undefined || prompt === STDIN;
  const text = isPiped ? (await readAll(context.openInput(), context.signal)).toString('utf8') : prompt;
  if (text.trim() === '') throw nothingToAsk();
  return text;
}

/** A system message, where there is one. */
export function systemMessage(system: string | undefined): readonly Message[] {
  return system === undefined ? [] : [{ role: 'system', content: system }];
}

/** A user's message with its images in front of the text, as the models' own examples have them. */
export function userMessage(text: string, imageUrls: readonly string[]): Message {
  if (imageUrls.length === 0) return { role: 'user', content: text };
  const images = imageUrls.map((url): ContentPart => ({ type: 'image_url', image_url: { url } }));
  return { role: 'user', content: text.trim() === '' ? images : [...images, { type: 'text', text }] };
}

/** Everything up to the end of a stream. Throws the signal's reason after an abort. */
async function readAll(input: NodeJS.ReadStream, signal: AbortSignal): Promise<Buffer> {
  try {
    return await buffer(addAbortSignal(signal, input));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The error for a command line without a question. */
export function nothingToAsk(): VserveError {
  const message = 'There is nothing to ask: give --prompt, or write the prompt to standard input.';
  return new VserveError('invalid_setting', message, { param: 'prompt' });
}
