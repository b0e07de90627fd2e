import { stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Box, BoxFamily, RawPicture } from '../../boxes/index.ts';
import { BOX_CONVENTIONS, boxFamilyOf, drawAnswer } from '../../boxes/index.ts';
import { downloadPicture, servedProjector } from '../../client/index.ts';
import type { ChatAnswer, Message } from '../../client/index.ts';
import { fileFault, messageOf, VserveError } from '../../errors/index.ts';
import type { Connection } from './connect.ts';
import { dataUrl } from './picture-url.ts';

/** The picture of a question whose answer has boxes. */
export interface PictureToDrawOn {
  readonly picture: RawPicture;
  /** The question, with the picture's bytes in it: what is drawn on is what the model sees. */
  readonly messages: readonly Message[];
}

/** How a model writes boxes, and where they go. */
export interface BoxPlan {
  readonly family: BoxFamily;
  readonly path: string;
}

/**
 * The picture of a question, fetched if it is an address. Throws `invalid_setting` unless there is exactly one, and it can be
 * read.
 */
export async function pictureToDrawOn(
  messages: readonly Message[] | undefined,
  signal: AbortSignal,
): Promise<PictureToDrawOn> {
  const urls = (messages ?? []).flatMap(imageUrlsOf);
  const [url] = urls;
  if (url === undefined)
    throw refused('--boxes needs an image to draw on: name it with --image, and ask with --prompt.');
  if (urls.length > 1) {
    throw refused(`An answer does not say in which of ${urls.length} images a box is: give --boxes one --image.`);
  }
  const bytes = await downloadPicture(url, signal);
  const sent = dataUrl(bytes, /^data:/i.test(url) ? 'The image' : url);
  return { picture: await decoded(bytes), messages: (messages ?? []).map((message) => showing(message, sent)) };
}

/**
 * How the boxes of an answer will be read, as far as that can be told before there is one. Throws `invalid_setting` for a
 * model that was not taught to write boxes, and for a path in no folder.
 */
export async function planBoxes(path: string, { endpoint, model }: Connection, signal: AbortSignal): Promise<BoxPlan> {
  const isFolder = await stat(dirname(path)).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw refused(`--boxes names ${path}, in a folder that does not exist.`);
  const projector = await servedProjector(endpoint, model, signal);
  const family = projector === undefined ? undefined : boxFamilyOf(projector);
  if (family !== undefined) return { family, path };
  const reason =
    projector === undefined
      ? `${endpoint.name} does not tell the kind of its model`
      : `${model} (${projector}) was not taught to write boxes`;
  throw refused(`${reason}. Models that were: ${Object.keys(BOX_CONVENTIONS).join(', ')}.`);
}

/** Draws the boxes of an answer on its picture, into a file. Throws `generation_failed` for an answer without any. */
export async function drawBoxesOf(
  answer: ChatAnswer,
  picture: RawPicture,
  { family, path }: BoxPlan,
): Promise<readonly Box[]> {
  const { png, boxes } = await drawAnswer(picture, answer.text, family, answer.images?.[0]?.seen).catch(
    (error: unknown) => {
      throw new VserveError('generation_failed', `The boxes cannot be drawn: ${messageOf(error)}`, { cause: error });
    },
  );
  if (boxes.length === 0) {
    const message = `The answer has no boxes that can be read, so ${path} was not written. docs/boxes.md has the form that the model was taught.`;
    throw new VserveError('generation_failed', message);
  }
  await writeFile(path, png).catch((error: unknown) => {
    throw new VserveError('invalid_setting', `${path} cannot be written: ${fileFault(error)}`, {
      cause: error,
      param: 'boxes',
    });
  });
  return boxes;
}

function imageUrlsOf({ content }: Message): string[] {
  if (typeof content === 'string') return [];
  return content.flatMap((part) => (part.type === 'image_url' ? [part.image_url.url] : []));
}

function showing(message: Message, url: string): Message {
  if (typeof message.content === 'string') return message;
  const content = message.content.map((part) => (part.type === 'image_url' ? { ...part, image_url: { url } } : part));
  return { ...message, content };
}

/** Decodes on this thread, which waits for nothing else. */
async function decoded(bytes: Uint8Array): Promise<RawPicture> {
  const { decodeImage } = await import('../../media/decode-image.ts');
  return decodeImage(bytes, () => undefined).catch((error: unknown) => {
    throw new VserveError('invalid_setting', messageOf(error), { cause: error, param: 'image' });
  });
}

function refused(message: string): VserveError {
  return new VserveError('invalid_setting', message, { param: 'boxes' });
}
