import type { AnswersRequest } from '../../../backends/node-llama-cpp/answer-events.ts';
import type { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { Bitmap, ChatMessage, ContentPart } from '../../../src/backend/index.ts';
import { bitmapOf } from '../conversations.ts';
import { greedy, greedyRequest } from '../greedy.ts';
import type { Choices } from './choices.ts';

/** What the conversations of a storm share. */
export interface World {
  readonly systemPrompts: readonly string[];
  readonly documents: readonly string[];
  readonly pictures: readonly Bitmap[];
  readonly pictureSizes: readonly PictureSize[];
}

type PictureSize = Pick<Bitmap, 'width' | 'height'>;

const words = 'red blue green star square circle left right top one two big small what is in the picture'.split(' ');
const questions = ['What is it?', 'Which color is the circle?', 'How many shapes are there?', 'Why?', 'red or blue?'];
const salts = ['', '', '', 'tenant'];

const sizes: readonly PictureSize[] = [
  { width: 224, height: 112 },
  { width: 112, height: 168 },
  { width: 112, height: 112 },
  { width: 56, height: 84 },
  { width: 32, height: 32 },
];

/** Documents of up to half of `maxLength` tokens, and pictures of at most a sixth of it. */
export async function makeWorld(model: LoadedLlama, maxLength: number, choices: Choices): Promise<World> {
  const sample = text(choices, 400);
  const charactersPerToken = sample.length / (await model.inspectTokens(sample, false)).length;
  const document = (tokens: number): string => text(choices, tokens).slice(0, Math.floor(tokens * charactersPerToken));
  const fitting = await Promise.all(
    sizes.map(async (size) => ((await tokensOf(model, size)) <= maxLength / 6 ? [size] : [])),
  );
  const pictureSizes = fitting.flat();
  return {
    systemPrompts: [document(12), document(Math.floor(maxLength / 12))],
    documents: [0.06, 0.15, 0.3, 0.5].map((share) => document(Math.floor(maxLength * share))),
    pictures: Array.from({ length: 5 }, (_, seed) => bitmapOf({ ...choices.pick(pictureSizes), seed })),
    pictureSizes,
  };
}

async function tokensOf(model: LoadedLlama, size: PictureSize): Promise<number> {
  const image = bitmapOf({ ...size, seed: 0 });
  const runs = await model.inspectPrompt([{ role: 'user', content: [{ type: 'image', image }] }]);
  return runs.reduce<number>((tokens, run) => tokens + (typeof run === 'number' ? run : 0), 0);
}

function text(choices: Choices, count: number): string {
  return Array.from({ length: count }, () => choices.pick(words)).join(' ');
}

/** The first turn of a conversation: most of it is shared with others. */
export function openingOf(world: World, choices: Choices): ChatMessage[] {
  const messages: ChatMessage[] = [];
  if (choices.chance(0.4)) messages.push({ role: 'system', content: [textPart(choices.pick(world.systemPrompts))] });
  const content: ContentPart[] = [];
  if (choices.chance(0.6)) content.push(textPart(choices.pick(world.documents)));
  while (choices.chance(0.4)) content.push({ type: 'image', image: pictureOf(world, choices) });
  if (choices.chance(0.1)) content.push(textPart(choices.pick(world.documents)));
  return [...messages, { role: 'user', content: [...content, textPart(questionOf(choices))] }];
}

/** The next turn after an answer. */
export function continued(
  messages: readonly ChatMessage[],
  answer: string,
  world: World,
  choices: Choices,
): ChatMessage[] {
  const image: ContentPart[] = choices.chance(0.2) ? [{ type: 'image', image: pictureOf(world, choices) }] : [];
  return [
    ...messages,
    { role: 'assistant', content: [textPart(answer)] },
    { role: 'user', content: [...image, textPart(questionOf(choices))] },
  ];
}

/** What a request asks for besides its messages; most are greedy, and ask for one answer. */
export function settingsOf(choices: Choices): Omit<AnswersRequest, 'messages' | 'cacheSalt'> {
  const penalties = { frequencyPenalty: choices.pick([0, 0.5]), repetitionPenalty: choices.pick([1, 1.1]) };
  const sampled = { temperature: choices.pick([0.7, 1.3]), topK: choices.pick([-1, 40]), topP: choices.pick([1, 0.9]) };
  return {
    ...greedyRequest,
    choices: choices.chance(0.8) ? 1 : choices.integer(2, 5),
    maxTokens: choices.pick([1, 8, 8, 30]),
    ignoreEos: choices.chance(0.7),
    stop: choices.chance(0.1) ? ['the'] : [],
    ...(choices.chance(0.1) ? { sampling: { ...greedy, ...penalties, ...sampled, seed: choices.integer(0, 9) } } : {}),
  };
}

export function saltOf(choices: Choices): string {
  return choices.pick(salts);
}

function questionOf(choices: Choices): string {
  return choices.chance(0.8) ? choices.pick(questions) : text(choices, choices.integer(1, 60));
}

/** Mostly one that others have sent too. */
function pictureOf({ pictures, pictureSizes }: World, choices: Choices): Bitmap {
  if (choices.chance(0.8)) return choices.pick(pictures);
  return bitmapOf({ ...choices.pick(pictureSizes), seed: choices.integer(100, 999) });
}

function textPart(text: string): ContentPart {
  return { type: 'text', text };
}
