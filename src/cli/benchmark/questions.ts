import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Message } from '../../client/index.ts';
import { messageOf, VserveError } from '../../errors/index.ts';
import type { Settings } from '../../settings/index.ts';
import { userMessage } from '../ask/question.ts';
import { around, seeded } from './random.ts';
import type { Random } from './random.ts';

/** Common words, most of which are one token in every vocabulary. */
const WORDS =
  'the of and to in is that it was for on are with as his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know'.split(
    ' ',
  );

type QuestionSettings = Pick<
  Settings,
  | 'numPrompts'
  | 'datasetName'
  | 'datasetPath'
  | 'randomInputLen'
  | 'randomOutputLen'
  | 'randomRangeRatio'
  | 'imageFraction'
  | 'imageCount'
  | 'imageLongSide'
  | 'imageAspectRatio'
>;

/** A request of the benchmark. */
export interface Question {
  readonly message: Message;
  readonly maxTokens: number;
}

/** The requests of a run. The same settings and seed give the same ones. Throws `invalid_setting`. */
export async function makeQuestions(settings: QuestionSettings, seed: number): Promise<readonly Question[]> {
  const random = seeded(seed);
  const texts = await textsOf(settings, random);
  const questions: Question[] = [];
  for (const text of texts) {
    const count = random() < settings.imageFraction ? settings.imageCount : 0;
    const urls: string[] = [];
    for (let image = 0; image < count; image += 1) urls.push(await randomPicture(settings, random));
    const maxTokens = around(settings.randomOutputLen, settings.randomRangeRatio, random);
    questions.push({ message: userMessage(text, urls), maxTokens });
  }
  return questions;
}

async function textsOf(settings: QuestionSettings, random: Random): Promise<readonly string[]> {
  const { numPrompts, datasetName, datasetPath } = settings;
  if (datasetName === 'random') {
    if (datasetPath !== undefined) {
      throw wrong('--dataset-path needs --dataset-name sharegpt or prompts.');
    }
    return Array.from({ length: numPrompts }, () => randomText(settings, random));
  }
  if (datasetPath === undefined) throw wrong(`--dataset-name ${datasetName} needs --dataset-path.`);
  const text = await readFile(datasetPath, 'utf8').catch((cause: unknown) => {
    throw wrong(`The data set ${datasetPath} cannot be read: ${messageOf(cause)}`);
  });
  const all = datasetName === 'prompts' ? text.split('\n') : shareGptQuestions(text, datasetPath);
  const asked = all.map((line) => line.trim()).filter((line) => line !== '');
  if (asked.length === 0) throw wrong(`The data set ${datasetPath} has no questions.`);
  return Array.from({ length: numPrompts }, (_, i) => asked[i % asked.length] ?? '');
}

function randomText({ randomInputLen, randomRangeRatio }: QuestionSettings, random: Random): string {
  const length = around(randomInputLen, randomRangeRatio, random);
  return Array.from({ length }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');
}

interface ShareGptEntry {
  readonly conversations?: readonly { readonly value?: unknown }[];
}

/** The first turn of each conversation. */
function shareGptQuestions(text: string, path: string): readonly string[] {
  try {
    const entries = JSON.parse(text) as readonly ShareGptEntry[];
    return entries.flatMap(({ conversations: [first] = [] }) =>
      typeof first?.value === 'string' ? [first.value] : [],
    );
  } catch (cause) {
    throw wrong(`The data set ${path} is not a JSON file of ShareGPT: ${messageOf(cause)}`);
  }
}

/** A picture that no cache has seen: four colours that blend into each other. As a data URL. */
async function randomPicture({ imageLongSide, imageAspectRatio }: QuestionSettings, random: Random): Promise<string> {
  const side = (ratio: number): number => Math.max(1, Math.round(imageLongSide * Math.min(1, ratio)));
  const width = side(imageAspectRatio);
  const height = side(1 / imageAspectRatio);
  const corners = Uint8Array.from({ length: 2 * 2 * 3 }, () => Math.floor(random() * 256));
  const jpeg = await sharp(corners, { raw: { width: 2, height: 2, channels: 3 } })
    .resize({ width, height, fit: 'fill', kernel: 'cubic' })
    .jpeg({ quality: 90 })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
}

function wrong(message: string): VserveError {
  return new VserveError('invalid_setting', message, { param: 'datasetPath' });
}
