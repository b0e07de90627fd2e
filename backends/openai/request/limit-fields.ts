import type { GenerateRequest } from '../../../src/backend/index.ts';
import type { Dialect } from '../dialect.ts';
import { having, isIn } from '../dialect.ts';
import { unsupported } from './unsupported.ts';

const { engines, llamaLike, transformersLike, vllmLike } = having;

/** The fields of where an answer ends, and of what is reported. Throws `unsupported_capability`. */
export function limitFields(request: GenerateRequest, dialect: Dialect): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const set = (name: string, value: unknown, isAsked: boolean, of: readonly Dialect[]): void => {
    if (!isAsked) return;
    if (!isIn(of, dialect)) throw unsupported(name, dialect);
    fields[name] = value;
  };
  const { maxTokens, minTokens, stop, stopTokens, includeStop, ignoreEos, skipSpecialTokens } = request;
  const { choices, reportProgress, cacheSalt, repetitionStop, imageProcessor } = request;
  set('max_tokens', maxTokens, maxTokens !== undefined, having.all);
  set('min_tokens', minTokens, minTokens > 0, transformersLike);
  set('stop', stop, stop.length > 0, having.all);
  set('stop_token_ids', stopTokens, stopTokens.length > 0, transformersLike);
  if (dialect === 'sglang') set('no_stop_trim', true, includeStop, ['sglang']);
  else set('include_stop_str_in_output', true, includeStop, vllmLike);
  set('ignore_eos', true, ignoreEos, engines);
  set('skip_special_tokens', false, !skipSpecialTokens, ['vllm', 'sglang', 'vserve']);
  set('n', choices, choices > 1, having.allButMax);
  set('return_progress', true, reportProgress, llamaLike);
  set('cache_salt', cacheSalt, cacheSalt !== '', ['vllm', 'max', 'vserve']);
  set('mm_processor_kwargs', imageProcessor, imageProcessor !== undefined, vllmLike);
  const repetition = repetitionStop && {
    min_pattern_size: repetitionStop.minPatternTokens,
    max_pattern_size: repetitionStop.maxPatternTokens,
    min_count: repetitionStop.minCount,
  };
  set('repetition_detection', repetition, repetition !== undefined, vllmLike);
  return fields;
}
