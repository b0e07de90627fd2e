import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { postProcessorSchema } from './tokenizer-json.ts';
import type { TemplatePiece } from './tokenizer-json.ts';

/** What tokenizer.json's post-processor says about the special tokens. */
export interface PostProcessor {
  /** Whether the tokenizer adds `bos`, `eos`, `sep`. */
  readonly added: Map<string, boolean>;
  /** tokenizer_config.json, corrected where the template contradicts it. */
  readonly config: JsonObject | undefined;
  /** `eot`, `eom`: the end tokens that the template's last token displaced. */
  readonly extraKinds: readonly string[];
}

const idOf = (piece: TemplatePiece | undefined): string | undefined => piece?.SpecialToken?.id;
const nameOf = (token: unknown): unknown =>
  typeof token === 'object' && token !== null && 'content' in token ? token.content : token;

/**
 * Reads `TemplateProcessing` post-processors by the rules of gguf-py's `SpecialVocab`: a template that begins with a
 * special token adds it as BOS, one that ends with one adds it as EOS, and what stands between the sequences of a pair
 * is the separator.
 *
 * Throws `checkpoint_invalid`.
 */
export function readPostProcessor(tokenizer: JsonObject | undefined, config: JsonObject | undefined): PostProcessor {
  const added = new Map<string, boolean>();
  if (tokenizer === undefined) return { added, config, extraKinds: [] };
  const changes: Record<string, unknown> = {};
  const extraKinds: string[] = [];
  let [bos, eos] = [config?.bos_token ?? config?.cls_token, config?.eos_token ?? config?.sep_token].map(nameOf);
  let [cls, sep] = [config?.cls_token, config?.sep_token].map(nameOf);
  if (config !== undefined) Object.assign(changes, { bos_token: bos, eos_token: eos });

  const { post_processor: postProcessor } = parseConfig(postProcessorSchema, tokenizer, 'tokenizer.json');
  for (const { type, single, pair } of postProcessor?.processors ?? []) {
    if (type !== 'TemplateProcessing') continue;
    const first = single.length > 1 ? idOf(single[0]) : undefined;
    const last = single.length > 1 ? idOf(single.at(-1)) : undefined;
    if (first !== undefined) {
      if (config === undefined) bos = first;
      bos ??= changes.bos_token = first;
      if (first !== bos && first !== cls) cls ??= changes.cls_token = first;
      added.set('bos', first === bos || first === cls);
    }
    if (last !== undefined) {
      if (config !== undefined && last !== eos) {
        const displaced = ['eot', 'eom'].find((kind) => !extraKinds.includes(kind));
        if (displaced !== undefined) {
          extraKinds.push(displaced);
          changes[`${displaced}_token`] = eos;
        }
        changes.eos_token = last;
      }
      eos = last;
      added.set('eos', true);
    }
    const between = separatorOf(pair, first, last);
    if (between === undefined) continue;
    const isSeparator = (id: string | undefined): boolean => id !== undefined && (id === sep || id === eos);
    const adds =
      (isSeparator(idOf(between[0])) && last === undefined) || (between.length === 2 && isSeparator(idOf(between[1])));
    added.set('sep', adds);
    if (adds) sep ??= changes.sep_token = eos;
  }
  return { added, config: config === undefined ? undefined : { ...config, ...changes }, extraKinds };
}

/** What a pair's template places between its two sequences, without the special tokens at either end. */
function separatorOf(
  pair: readonly TemplatePiece[],
  first: string | undefined,
  last: string | undefined,
): readonly TemplatePiece[] | undefined {
  const start = first !== undefined && idOf(pair[0]) === first ? 1 : 0;
  const end = last !== undefined && idOf(pair.at(-1)) === last ? -1 : undefined;
  const inner = pair.slice(start, end);
  const between = inner.slice(1, -1);
  const isPair = inner[0]?.Sequence?.id === 'A' && inner.at(-1)?.Sequence?.id === 'B';
  return isPair && between.length > 0 ? between : undefined;
}
