import { stat } from 'node:fs/promises';
import { pathOf } from '../ask/picture-url.ts';

/** Names of files that are taken for pictures where they stand in a message. */
const PICTURE = /\.(png|jpe?g|webp|gif|bmp|tiff?|avif|heic|heif|ppm|pgm|pnm)$/i;
/** A word as terminals write a path that is dropped on them: quoted, or with escaped spaces. */
const WORD = /'[^']+'|"[^"]+"|(?:\\.|[^\s'"\\])+/g;

/** A message apart: its text, and the pictures whose paths stood in it. */
export interface MessageParts {
  readonly text: string;
  readonly paths: readonly string[];
}

/**
 * Takes the paths of pictures out of a message, as they stand there when files are dropped on a terminal or pasted. Only
 * what begins like a path and is a file counts, so that a message can talk of `cat.png`.
 */
export async function takePastedPaths(message: string): Promise<MessageParts> {
  const paths: string[] = [];
  let text = message;
  for (const [word] of message.matchAll(WORD)) {
    const path = unquoted(word);
    if (!looksLikePath(path) || !(await isFile(path))) continue;
    paths.push(path);
    text = text.replace(word, '');
  }
  return { text: paths.length === 0 ? message : text.replaceAll(/[ \t]{2,}/g, ' ').trim(), paths };
}

/** The first word of a command's argument, and what follows it. */
export function firstWord(argument: string): readonly [string, string] {
  const [word = ''] = argument.match(WORD) ?? [];
  return [unquoted(word), argument.slice(argument.indexOf(word) + word.length).trim()];
}

function unquoted(word: string): string {
  const quoted = /^(['"])(.*)\1$/.exec(word)?.[2];
  return quoted ?? word.replaceAll(/\\(.)/g, '$1');
}

function looksLikePath(word: string): boolean {
  return /^(\/|~\/|\.{1,2}\/|file:\/\/)/.test(word) && PICTURE.test(word);
}

async function isFile(path: string): Promise<boolean> {
  const found = await Promise.resolve(path)
    .then((given) => stat(pathOf(given)))
    .catch(() => undefined);
  return found?.isFile() === true;
}
