import type { Attributes } from '@opentelemetry/api';
import type { FinishReason, GenerationEvent } from '../../backend/index.ts';

type Finish = Extract<GenerationEvent, { readonly type: 'finish' }>;

/** What the answers to a request come to, in the names of OpenTelemetry's conventions for generative AI. */
export class AnswerTally {
  readonly #reasons: FinishReason[] = [];
  readonly #attributes: Record<string, number> = {};
  #firstTokenMs: number | undefined;

  /** `isFirst`: of the answers to one prompt, which counts once. */
  add({ reason, usage }: Finish, isFirst: boolean): void {
    this.#reasons.push(reason);
    this.#count('gen_ai.usage.output_tokens', usage.completionTokens);
    if (usage.reasoningTokens !== undefined) {
      this.#count('gen_ai.usage.reasoning.output_tokens', usage.reasoningTokens);
    }
    if (!isFirst) return;
    this.#count('gen_ai.usage.input_tokens', usage.promptTokens);
    this.#count('gen_ai.usage.cache_read.input_tokens', usage.cachedTokens);
  }

  /** A token came so long after the request; the first one counts. */
  noteToken(ms: number): void {
    this.#firstTokenMs ??= ms;
  }

  get attributes(): Attributes {
    const reasons = this.#reasons.length === 0 ? {} : { 'gen_ai.response.finish_reasons': [...this.#reasons] };
    const first =
      this.#firstTokenMs === undefined ? {} : { 'gen_ai.response.time_to_first_chunk': this.#firstTokenMs / 1000 };
    return { ...reasons, ...first, ...this.#attributes };
  }

  #count(name: string, tokens: number): void {
    this.#attributes[name] = (this.#attributes[name] ?? 0) + tokens;
  }
}
