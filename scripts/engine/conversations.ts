import { readFileSync } from 'node:fs';
import type { Bitmap, ChatMessage, ContentPart } from '../../src/backend/index.ts';
import { fixture } from '../reference/checkpoints.ts';
import { randomBits } from '../reference/random.ts';

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
}

type Conversation = readonly {
  readonly role: 'user' | 'assistant';
  readonly content: readonly (string | Picture)[];
}[];

/** Greedy, and on past the end: each answer has this many tokens. */
export const answerTokens = 12;

/** The conversations of `test/fixtures/engine/conversations.json`. The first two differ in the picture only. */
export const conversations: readonly (readonly ChatMessage[])[] = (
  JSON.parse(readFileSync(fixture('engine/conversations.json'), 'utf8')) as readonly Conversation[]
).map((messages) => messages.map(({ role, content }) => ({ role, content: content.map((part) => partOf(part)) })));

function partOf(part: string | Picture): ContentPart {
  return typeof part === 'string' ? { type: 'text', text: part } : { type: 'image', image: bitmapOf(part) };
}

/** A picture of coloured discs on a coloured ground. The same seed and size make the same picture. */
function bitmapOf({ width, height, seed }: Picture): Bitmap {
  const next = randomBits(seed);
  const colour = (): [number, number, number] => [next() % 256, next() % 256, next() % 256];
  const ground = colour();
  const discs = Array.from({ length: 6 }, () => ({ x: next() % width, y: next() % height, colour: colour() }));
  const radius = Math.min(width, height) / 4;
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const disc = discs.find((disc) => (disc.x - x) ** 2 + (disc.y - y) ** 2 < radius ** 2);
      rgb.set(disc?.colour ?? ground, (y * width + x) * 3);
    }
  }
  return { width, height, rgb, id: `${width} × ${height}, ${seed}` };
}
