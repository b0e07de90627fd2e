import type { SyntheticCheckpoint } from './write-checkpoint.ts';

type Json = Readonly<Record<string, unknown>>;

interface Token {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

/** What tokenizer_config.json no longer says in transformers 5: tokenizer.json alone does. */
const droppedSettings = new Set(['add_bos_token', 'add_eos_token', 'added_tokens_decoder', 'legacy']);

function parsed(file: object | string | Buffer | undefined): Json {
  return typeof file === 'string' || Buffer.isBuffer(file)
    ? (JSON.parse(file.toString()) as Json)
    : ((file ?? {}) as Json);
}

/** The steps by which transformers 5 has a Llama tokenizer treat spaces, for those of transformers 4. */
function withMetaspace(tokenizer: Json, prepends: boolean): Json {
  const metaspace = {
    type: 'Metaspace',
    replacement: '\u2581',
    prepend_scheme: prepends ? 'always' : 'never',
    split: false,
  };
  return { ...tokenizer, normalizer: null, pre_tokenizer: metaspace };
}

/**
 * A checkpoint whose tokenizer is a SentencePiece model, with the tokenizer's files as transformers 5 saves them:
 * tokenizer.json, without tokenizer.model, and a short tokenizer_config.json.
 */
export function asTransformers5(checkpoint: SyntheticCheckpoint): SyntheticCheckpoint {
  const { 'tokenizer.model': _, 'added_tokens.json': added, ...files } = checkpoint.files;
  const config = parsed(files['tokenizer_config.json']);
  const tokenizer = parsed(files['tokenizer.json']);
  const known = tokenizer.added_tokens as readonly Token[];
  const further = Object.entries(parsed(added)).filter(
    ([content]) => !known.some((token) => token.content === content),
  );
  const named = new Set([config.boi_token, config.eoi_token, config.image_token, config.audio_token]);
  const all = [...known, ...further.map(([content, id]) => ({ id: Number(id), content, special: true }))];
  const saved = {
    ...tokenizer,
    added_tokens: all.map((token) => ({ ...token, special: token.special === true || named.has(token.content) })),
  };
  const isLlama = config.tokenizer_class === 'LlamaTokenizer';
  return {
    ...checkpoint,
    files: {
      ...files,
      'tokenizer.json': isLlama ? withMetaspace(saved, config.add_prefix_space !== false) : saved,
      'tokenizer_config.json': Object.fromEntries(
        Object.entries(config).filter(([setting]) => !droppedSettings.has(setting)),
      ),
    },
  };
}
