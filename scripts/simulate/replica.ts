import type { Candidate } from '../../backends/openai/balance/candidate.ts';
import { hashOf } from '../../backends/openai/balance/rendezvous.ts';
import type { Turn } from './users.ts';

/** A GPU with a vision model of some 8 billion parameters, in round numbers. */
const sequences = 16;
const prefillTokensPerMs = 8;
const encodeMs = 150;
const pictureTokens = 1000;
const stepMs = 20;
const stepMsPerSequence = 0.5;
/** Tokens of its KV cache that are kept for later turns. */
const cachedTokens = 200_000;
const cachedPictures = 256;

/** How a request goes on a replica. */
export interface Service {
  readonly firstTokenAtMs: number;
  readonly endsAtMs: number;
  /** The turns before, and the pictures, were cached. */
  readonly hadPrefix: boolean;
}

/**
 * A server of a model: prompts are computed one after the other, answers step by step together, the slower the more of them
 * there are. What it keeps of conversations and pictures it does not compute again.
 */
export class Replica implements Candidate {
  readonly index: number;
  readonly id: string;
  readonly idHash: number;
  readonly weight = 1;
  readonly capacity = sequences;
  inFlight = 0;
  isUp = true;
  /** Counts its failures: what began before one is lost. */
  life = 0;
  #prefillFreeAtMs = 0;
  readonly #prefixes = new LeastRecentlyUsed(cachedTokens);
  readonly #pictures = new LeastRecentlyUsed(cachedPictures);

  constructor(index: number) {
    this.index = index;
    this.id = `http://replica-${String(index)}:8000`;
    this.idHash = hashOf(this.id);
  }

  begin(turn: Turn, nowMs: number): Service {
    this.inFlight += 1;
    const isFirst = turn.pictures.every((picture) => !this.#pictures.has(picture));
    const known = this.#prefixes.has(turn.conversation) ? turn.historyTokens : 0;
    const pictures = turn.pictures.length;
    const tokens = turn.historyTokens + turn.questionTokens - known + (known > 0 ? 0 : pictures * pictureTokens);
    const workMs = tokens / prefillTokensPerMs + (isFirst && known === 0 ? pictures * encodeMs : 0);
    this.#prefillFreeAtMs = Math.max(this.#prefillFreeAtMs, nowMs) + workMs;
    for (const picture of turn.pictures) this.#pictures.add(picture, 1);
    const total = turn.historyTokens + turn.questionTokens + turn.answerTokens + pictures * pictureTokens;
    this.#prefixes.add(turn.conversation, total);
    const firstTokenAtMs = this.#prefillFreeAtMs;
    const endsAtMs = firstTokenAtMs + turn.answerTokens * (stepMs + stepMsPerSequence * this.inFlight);
    return { firstTokenAtMs, endsAtMs, hadPrefix: known > 0 };
  }

  end(): void {
    this.inFlight -= 1;
  }

  fail(): void {
    this.isUp = false;
    this.life += 1;
    this.inFlight = 0;
    this.#prefillFreeAtMs = 0;
    this.#prefixes.clear();
    this.#pictures.clear();
  }

  recover(): void {
    this.isUp = true;
  }
}

/** How long a turn takes a replica that is half full, in milliseconds. */
export function usualServiceMs(answerTokens: number): number {
  return answerTokens * (stepMs + (stepMsPerSequence * sequences) / 2) + 150;
}

/** Keys up to a total size. */
class LeastRecentlyUsed {
  readonly #maxSize: number;
  readonly #sizes = new Map<number, number>();
  #size = 0;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  has(key: number): boolean {
    return this.#sizes.has(key);
  }

  add(key: number, size: number): void {
    this.#size += size - (this.#sizes.get(key) ?? 0);
    this.#sizes.delete(key);
    this.#sizes.set(key, size);
    for (const [oldest, of] of this.#sizes) {
      if (this.#size <= this.#maxSize) break;
      this.#sizes.delete(oldest);
      this.#size -= of;
    }
  }

  clear(): void {
    this.#sizes.clear();
    this.#size = 0;
  }
}
