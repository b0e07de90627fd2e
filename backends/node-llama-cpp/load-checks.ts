import type { LoadSettings } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { EmbeddingTraits } from './embedding-models.ts';
import type { ExaminedFiles } from './examine-files.ts';
import { placementFor } from './image-placement.ts';
import type { NativeAddon } from './native-addon.ts';

const mostSequences = 256;

/** llama.cpp has 256 sequences. */
export function checkMaxBatchSize({ maxBatchSize }: LoadSettings): void {
  if (maxBatchSize === undefined || maxBatchSize <= mostSequences) return;
  throw new VserveError(
    'invalid_setting',
    `--max-batch-size ${String(maxBatchSize)} is more than llama.cpp can run at a time. At most ${String(mostSequences)} is possible.`,
  );
}

/** llama.cpp reads a quantized cache of values by flash attention only. */
export function checkKvCache({ kvCacheFormat, flashAttention }: LoadSettings): void {
  if (flashAttention === 'off' && !['f16', 'bf16', 'f32'].includes(kvCacheFormat)) {
    throw new VserveError(
      'invalid_setting',
      `--kv-cache-format ${kvCacheFormat} needs flash attention: leave out --flash-attn off, or take f16.`,
    );
  }
}

/** Throws `invalid_setting`. */
export function checkMaxLength({ maxLength }: LoadSettings, trainedLength: number): void {
  if (maxLength === undefined || maxLength <= trainedLength) return;
  throw new VserveError(
    'invalid_setting',
    `--max-length ${String(maxLength)} is more than the model was trained for. At most ${String(trainedLength)} is possible.`,
  );
}

/** Embedding models have no way to be told how their values are put together. */
export function checkPooling({ pooling, embeddings }: LoadSettings, embedding: EmbeddingTraits): void {
  if (pooling === undefined || embeddings || embedding.pooling !== undefined) return;
  throw new VserveError('invalid_setting', '--pooling is for embeddings: add --embeddings, or leave it out.');
}

/** Embedding models have no conversations. */
export async function checkTemplate(
  { chatTemplate }: LoadSettings,
  { embedding, projector }: Pick<ExaminedFiles, 'embedding' | 'projector'>,
  addon: NativeAddon,
): Promise<void> {
  if (chatTemplate === undefined) return;
  if (embedding.pooling === undefined) {
    const { checkChatTemplate } = await import('./chat-template-check.ts');
    return checkChatTemplate(addon, chatTemplate, placementFor(projector?.type ?? ''));
  }
  const message = 'This model computes embeddings, and answers no conversations: leave --chat-template out.';
  throw new VserveError('invalid_setting', message, { param: 'chatTemplate' });
}
