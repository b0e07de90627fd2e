import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileFault, messageOf, VserveError } from '../../errors/index.ts';
import type { Settings } from '../../settings/index.ts';
import { pictureUrl } from '../ask/picture-url.ts';

/** A question of a file. */
export interface FileQuestion {
  readonly text: string;
  /** Of its picture. */
  readonly imageUrl?: string;
}

/** The conversations of a file: what their users say, turn by turn. */
export type FileConversation = readonly FileQuestion[];

type DatasetSettings = Pick<Settings, 'datasetName' | 'datasetPath'>;

/** The conversations of `--dataset-path`; undefined where words are to be drawn. Throws `invalid_setting`. */
export async function readDataset({
  datasetName: name,
  datasetPath: path,
}: DatasetSettings): Promise<readonly FileConversation[] | undefined> {
  if (name === 'random') {
    if (path !== undefined) throw wrong('--dataset-path needs --dataset-name sharegpt, prompts or local-image.');
    return undefined;
  }
  if (path === undefined) throw wrong(`--dataset-name ${name} needs --dataset-path.`);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw wrong(`The data set ${path} cannot be read: ${fileFault(cause)}`);
  });
  const conversations = (await readers[name](text, path)).filter((turns) => turns.length > 0);
  if (conversations.length === 0) throw wrong(`The data set ${path} has no questions.`);
  return conversations;
}

type Reader = (text: string, path: string) => readonly FileConversation[] | Promise<readonly FileConversation[]>;

const readers: Readonly<Record<Exclude<Settings['datasetName'], 'random'>, Reader>> = {
  prompts: (text) => linesOf(text).map((line) => [{ text: line }]),
  sharegpt: shareGptConversations,
  'local-image': localImages,
};

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

interface ShareGptEntry {
  readonly conversations?: readonly { readonly from?: unknown; readonly value?: unknown }[];
}

/** What people say in each conversation. One whose speakers are not named begins with a person, who has every other turn. */
function shareGptConversations(text: string, path: string): readonly FileConversation[] {
  try {
    const entries = JSON.parse(text) as readonly ShareGptEntry[];
    return entries.map(({ conversations = [] }) =>
      conversations.flatMap(({ from, value }, place) => {
        const isPerson = typeof from === 'string' ? /^(human|user)$/i.test(from) : place % 2 === 0;
        return isPerson && typeof value === 'string' && value.trim() !== '' ? [{ text: value.trim() }] : [];
      }),
    );
  } catch (cause) {
    throw wrong(`The data set ${path} is not a JSON file of ShareGPT: ${messageOf(cause)}`);
  }
}

/** Lines of JSON with `prompt` and `image_path`, which may be relative to the file. */
async function localImages(text: string, path: string): Promise<readonly FileConversation[]> {
  return Promise.all(
    linesOf(text).map(async (line, place) => {
      const { prompt, image_path: image } = parseLine(line, `Line ${place + 1} of ${path}`);
      return [{ text: prompt, imageUrl: await pictureUrl(resolve(dirname(path), image)) }];
    }),
  );
}

function parseLine(line: string, name: string): { readonly prompt: string; readonly image_path: string } {
  let entry: { readonly prompt?: unknown; readonly image_path?: unknown } | null;
  try {
    entry = JSON.parse(line) as typeof entry;
  } catch (cause) {
    throw wrong(`${name} is not JSON: ${messageOf(cause)}`);
  }
  const { prompt, image_path: image } = entry ?? {};
  if (typeof prompt === 'string' && typeof image === 'string') return { prompt, image_path: image };
  throw wrong(`${name} must be a JSON object with the texts "prompt" and "image_path".`);
}

function wrong(message: string): VserveError {
  return new VserveError('invalid_setting', message, { param: 'datasetPath' });
}
