import { readFileSync } from 'node:fs';
import type { Bitmap, ChatMessage, ContentPart } from '../../src/backend/index.ts';
import { fixture } from '../reference/checkpoints.ts';
import { randomBits } from '../reference/random.ts';

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
}

export type Conversation = readonly {
  readonly role: 'user' | 'assistant';
  readonly content: readonly (string | Picture)[];
}[];

/** Greedy, and on past the end: each answer has this many tokens. */
export const answerTokens = 12;

function readConversations(file: string): readonly Conversation[] {
  return JSON.parse(readFileSync(fixture(file), 'utf8')) as readonly Conversation[];
}

function messagesOf(conversation: Conversation): ChatMessage[] {
  return conversation.map(({ role, content }) => ({ role, content: content.map((part) => partOf(part)) }));
}

/**
 * By the beginning of a checkpoint's name, how much smaller its pictures are: llama.cpp gives it fewer tokens a picture or
 * fewer tiles than its processor, or has tiles of another size.
 */
const pictureScales: Readonly<Record<string, number>> = {
  internvl: 1 / 4,
  pixtral: 1 / 2,
  mistral3: 1 / 2,
  'kimi-vl': 1 / 2,
  // llama.cpp alone sees tiles with the positions of others.
  'deepseek-ocr': 1 / 2,
};

/** By name, the side of the only pictures that both leave as they are: squares that the encoder takes whole. */
const squareSides: Readonly<Record<string, number>> = { 'llava-qwen-tiny': 76, 'granite4-vision-tiny': 64 };

/** Whether llama-server is shown a checkpoint's pictures as they are, not as vserve's processor makes them. */
export function areShownPlain(name: string): boolean {
  return name in squareSides || name.startsWith('deepseek-ocr');
}

/**
 * Conversations about pictures of such sizes that llama.cpp takes them as the models' own processors do: what differs from
 * llama-server's answers is then the engine's fault. The first two differ in the picture only. Gemma 4's processor makes
 * every picture as large as 280 tokens allow, so that only those which have them stay as they are.
 */
export function conversationsOf(name: string): readonly (readonly ChatMessage[])[] {
  const file = name.startsWith('gemma4') ? 'gemma4-conversations' : 'conversations';
  const scale = Object.entries(pictureScales).find(([beginning]) => name.startsWith(beginning))?.[1] ?? 1;
  const side = squareSides[name];
  const resized = (part: string | Picture): string | Picture =>
    typeof part === 'string'
      ? part
      : { ...part, width: side ?? part.width * scale, height: side ?? part.height * scale };
  return readConversations(`engine/${file}.json`).map((conversation) =>
    messagesOf(conversation.map(({ role, content }) => ({ role, content: content.map((part) => resized(part)) }))),
  );
}

/** Conversations about pictures of odd sizes, as they stand in the file. */
export const describedConversations = readConversations('processors/conversations.json');

/** The same with their pictures. */
export const oddConversations: readonly (readonly ChatMessage[])[] = describedConversations.map((conversation) =>
  messagesOf(conversation),
);

/** Pictures that processors make larger or smaller, round otherwise, and cut into different tiles. */
export const oddPictures: readonly Picture[] = [
  { width: 120, height: 75, seed: 1 },
  { width: 63, height: 150, seed: 2 },
  { width: 1060, height: 520, seed: 5 },
  { width: 500, height: 500, seed: 6 },
  { width: 17, height: 23, seed: 7 },
  { width: 900, height: 61, seed: 8 },
  { width: 97, height: 1203, seed: 9 },
  { width: 1330, height: 1001, seed: 10 },
  { width: 42, height: 70, seed: 11 },
];

function partOf(part: string | Picture): ContentPart {
  return typeof part === 'string' ? { type: 'text', text: part } : { type: 'image', image: bitmapOf(part) };
}

/** A picture of coloured discs on a coloured ground. The same seed and size make the same picture. */
export function bitmapOf({ width, height, seed }: Picture): Bitmap {
  const next = randomBits(seed);
  const colour = (): Uint8Array => Uint8Array.of(next(), next(), next());
  const ground = colour();
  const discs = Array.from({ length: 6 }, () => ({ x: next() % width, y: next() % height, colour: colour() }));
  const radius = Math.min(width, height) / 4;
  const rgb = Buffer.alloc(width * height * 3, ground);
  // The first disc lies on top.
  for (const { x, y, colour } of discs.toReversed()) {
    for (let row = Math.max(Math.ceil(y - radius), 0); row < Math.min(y + radius, height); row++) {
      const reach = Math.ceil(Math.sqrt(radius ** 2 - (row - y) ** 2));
      const [first, end] = [Math.max(x - reach + 1, 0), Math.min(x + reach, width)];
      if (first < end) rgb.fill(colour, (row * width + first) * 3, (row * width + end) * 3);
    }
  }
  return { width, height, rgb, id: `${width} × ${height}, ${seed}` };
}
