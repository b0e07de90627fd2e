import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { bool, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { findChatTemplates, setChatTemplate } from './chat-template.ts';
import { readPostProcessor } from './post-processor.ts';
import { addedTokensSchema, tokenSchema } from './tokenizer-json.ts';

/** The special tokens that GGUF knows, by their names in transformers, with their keys. `cls` has none. */
const idKeys = {
  bos: 'bos_token_id',
  eos: 'eos_token_id',
  unk: 'unknown_token_id',
  sep: 'seperator_token_id',
  pad: 'padding_token_id',
  mask: 'mask_token_id',
  eot: 'eot_token_id',
  eom: 'eom_token_id',
} as const;
const kinds = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'];
/** Those for which GGUF can say that the tokenizer adds them. */
const addKinds = new Set(['bos', 'eos', 'sep']);

export interface SpecialTokenSettings {
  /** Ids from here on are not part of the vocabulary. */
  readonly vocabularySize?: number;
  /** Whether llama.cpp puts a BOS token before a text of such a vocabulary where nothing says otherwise. */
  readonly assumesBos?: boolean;
  /** Special tokens by their texts that stand for those which the checkpoint's files do not name, by kind. */
  readonly substitutes?: Readonly<Partial<Record<keyof typeof idKeys, string>>>;
}

/**
 * Writes the ids of the special tokens, which of them the tokenizer adds, and the chat template, by the rules of
 * gguf-py's `SpecialVocab`: tokenizer_config.json names a token, tokenizer.json's `added_tokens` gives its id; what is
 * still open comes from `<kind>_token_id` in config.json.
 *
 * Throws `checkpoint_invalid`.
 */
export async function writeSpecialTokens(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  { vocabularySize = Infinity, assumesBos = false, substitutes = {} }: SpecialTokenSettings = {},
): Promise<void> {
  const tokenizer = await folder.optionalJson('tokenizer.json');
  const original = await folder.optionalJson('tokenizer_config.json');
  const { added_tokens: addedTokens } = parseConfig(addedTokensSchema, tokenizer ?? {}, 'tokenizer.json');
  const { added, config, extraKinds } = readPostProcessor(tokenizer, original);
  // transformers 5 keeps this in the template of tokenizer.json only; its tokenizer_config.json lists no tokens.
  if (assumesBos && tokenizer !== undefined && original?.added_tokens_decoder === undefined && !added.has('bos')) {
    added.set('bos', false);
  }
  const ids = new Map<string, number>();
  const idOf = (token: string): number | undefined => addedTokens.find(({ content }) => content === token)?.id;
  const allKinds = [...kinds, ...extraKinds];
  const setId = (kind: string, id: unknown): void => {
    if (Number.isInteger(id) && Number(id) >= 0 && Number(id) < vocabularySize && !ids.has(kind)) {
      ids.set(kind, Number(id));
    }
  };
  for (const kind of config === undefined ? [] : allKinds) {
    const adds = config?.[`add_${kind}_token`];
    if (typeof adds === 'boolean') added.set(kind, adds);
    const token = tokenSchema.safeParse(config?.[`${kind}_token`]);
    if (token.success) setId(kind, idOf(token.data));
  }
  const modelConfig = await folder.json('config.json');
  for (const kind of allKinds) setId(kind, configuredId(modelConfig, kind));
  for (const [kind, token] of Object.entries(substitutes)) setId(kind, idOf(token));

  for (const [kind, id] of ids) {
    if (Object.hasOwn(idKeys, kind)) {
      keyValues.set(`tokenizer.ggml.${idKeys[kind as keyof typeof idKeys]}`, uint32(id));
    }
  }
  for (const [kind, value] of added) {
    if (addKinds.has(kind)) keyValues.set(`tokenizer.ggml.add_${kind}_token`, bool(value));
  }
  setChatTemplate(keyValues, (await findChatTemplates(folder))?.templates);
}

function configuredId(config: JsonObject, kind: string): unknown {
  const key = `${kind}_token_id`;
  return config[key] ?? (isJsonObject(config.text_config) ? config.text_config[key] : undefined);
}
