import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import type { Tokenizer } from '@huggingface/tokenizers';
import { VserveError } from '../../errors/index.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';

/** The text of convert_hf_to_gguf.py (`chktxt`), which pre-tokenizers cut in different ways. */
export const sampleText =
  '\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n\u{1f680} (normal) \u{1f636}\u200d\u{1f32b}\ufe0f ' +
  '(multiple emojis concatenated) \u2705 \u{1f999}\u{1f999} 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 ' +
  '\u1780\u17b6\u1793\u17cb\u178f\u17c2\u1796\u17b7\u179f\u17c1\u179f\u17a2\u17b6\u1785\u{1f601} ' +
  '?\u6211\u60f3\u5728apple\u5de5\u4f5c1314151\u5929\uff5e ------======= ' +
  '\u043d\u0435\u0449\u043e \u043d\u0430 \u0411\u044a\u043b\u0433\u0430\u0440\u0441\u043a\u0438 ' +
  "''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? 'M not sure I'll make it, " +
  "'D you like some tea? We'Ve a'lL";

/** Classes that add BOS and EOS by their own settings, whatever tokenizer.json says. */
const ownPostProcessor = new Set(['LlamaTokenizer', 'LlamaTokenizerFast', 'GemmaTokenizer', 'GemmaTokenizerFast']);

/** The sample takes milliseconds; a malicious pattern could take years. */
const TIMEOUT_MS = 5000;

/**
 * Identifies a tokenizer by its behavior: the SHA-256 of the token ids of a sample text, written as Python writes a
 * list. `config` is tokenizer_config.json.
 *
 * Throws `tokenizer_unsupported` where the sample takes longer than `timeoutMs`.
 */
export function fingerprintOf(tokenizer: Tokenizer, config: JsonObject, timeoutMs = TIMEOUT_MS): string {
  const ids = withinTime(() => encodeSample(tokenizer, config), timeoutMs);
  return createHash('sha256')
    .update(`[${ids.join(', ')}]`)
    .digest('hex');
}

/** The timeout of a VM context stops regular expressions too. */
function withinTime<Result>(work: () => Result, timeoutMs: number): Result {
  try {
    return runInNewContext('work()', { work }, { timeout: timeoutMs }) as Result;
  } catch (error) {
    // The error belongs to the VM context, so `instanceof` does not work.
    if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    const message =
      'tokenizer.json cannot be used: the pattern of its pre-tokenizer takes too long. Copy tokenizer.json from the base model.';
    throw new VserveError('tokenizer_unsupported', message, { cause: error });
  }
}

function encodeSample(tokenizer: Tokenizer, config: JsonObject): number[] {
  if (typeof config.tokenizer_class !== 'string' || !ownPostProcessor.has(config.tokenizer_class)) {
    return tokenizer.encode(sampleText).ids;
  }
  const idOf = (token: unknown): number | undefined => {
    const content = typeof token === 'object' && token !== null && 'content' in token ? token.content : token;
    return typeof content === 'string' ? tokenizer.token_to_id(content) : undefined;
  };
  const [bos, eos] = [idOf(config.bos_token ?? '<s>'), idOf(config.eos_token ?? '</s>')];
  return [
    ...(bos === undefined || config.add_bos_token === false ? [] : [bos]),
    ...tokenizer.encode(sampleText, { add_special_tokens: false }).ids,
    ...(eos === undefined || config.add_eos_token !== true ? [] : [eos]),
  ];
}
