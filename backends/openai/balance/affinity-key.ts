import { createHash } from 'node:crypto';
import type { ContentPart, GenerateRequest, PromptPart } from '../../../src/backend/index.ts';

/** A prompt without a template is known by its beginning: what follows may differ. */
const PROMPT_CHARACTERS = 512;

/**
 * Tells which cached prefixes and pictures a request may find: the same for all turns of a conversation. The pictures of
 * its first question, if that has any, so that all who ask about a picture come where its encoded form is; else the text of
 * the system and of that question.
 */
export function affinityKey({ messages, prompt, cacheSalt }: AffinityRequest): string {
  if (prompt !== undefined)
    return digest(cacheSalt, ...prompt.map(partKey).map((key) => key.slice(0, PROMPT_CHARACTERS)));
  const first = messages.findIndex(({ role }) => role === 'user');
  const pictures = picturesOf(messages[first]?.content ?? []);
  if (pictures.length > 0) return digest(cacheSalt, ...pictures);
  return digest(cacheSalt, ...messages.slice(0, first + 1).flatMap(({ content }) => content.map(partKey)));
}

export type AffinityRequest = Pick<GenerateRequest, 'messages' | 'prompt' | 'cacheSalt'>;

function picturesOf(content: readonly ContentPart[]): string[] {
  return content.flatMap((part) => (part.type === 'image' ? [part.image.id] : []));
}

function partKey(part: PromptPart): string {
  if (part.type === 'text') return part.text;
  return part.type === 'image' ? part.image.id : part.tokens.slice(0, PROMPT_CHARACTERS).join(' ');
}

function digest(...texts: readonly string[]): string {
  const hash = createHash('sha1');
  for (const text of texts) hash.update(text).update('\0');
  return hash.digest('hex');
}
