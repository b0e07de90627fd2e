import type { ModelInfo, SamplingSettings } from '../../src/backend/index.ts';
import type { GenerationMetadata } from '../../src/gguf/generation-metadata.ts';

type Tokenize = (text: string) => readonly number[];

/**
 * What a model's files say of how it generates, besides `general.sampling.*`: over those settings, since transformers does
 * not sample, whatever the temperature, where it is told not to.
 */
export function generationDefaultsOf(
  { doSample, typicalP, noRepeatNgram, minNewTokens, maxNewTokens }: GenerationMetadata,
  tokenize: Tokenize,
): Pick<ModelInfo, 'samplingDefaults' | 'generationDefaults'> {
  return {
    samplingDefaults: {
      ...(doSample === false && { temperature: 0 }),
      ...(typicalP !== undefined && { typicalP }),
      ...(noRepeatNgram !== undefined && ngramsOf(noRepeatNgram, tokenize)),
    },
    generationDefaults: {
      ...(minNewTokens !== undefined && { minTokens: minNewTokens }),
      ...(maxNewTokens !== undefined && { maxTokens: maxNewTokens }),
    },
  };
}

function ngramsOf(
  { size, window, inPrompt, allowed }: NonNullable<GenerationMetadata['noRepeatNgram']>,
  tokenize: Tokenize,
): Partial<SamplingSettings> {
  return {
    noRepeatNgramSize: size,
    noRepeatNgramWindow: window,
    noRepeatNgramPrompt: inPrompt,
    noRepeatNgramAllowed: allowed.flatMap((text) => {
      const tokens = tokenize(text);
      return tokens.length === 1 ? tokens : [];
    }),
  };
}
