import { randomBits } from './random.ts';

const special = (content: string): object => ({
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const byteTokens = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const letters = Array.from('\u2581abcdefghijklmnopqrsté图');
const pairs = letters.slice(1, 15).map((letter) => `\u2581${letter}`);
const texts = ['<unk>', '<s>', '</s>', ...byteTokens, ...letters, ...pairs];
const added = { [texts.length]: '<extra\u2581>', [texts.length + 1]: '<|im_end|>', [texts.length + 2]: '<tool>' };
const addedTokens = {
  0: special('<unk>'),
  1: special('<s>'),
  2: special('</s>'),
  ...Object.fromEntries(
    Object.entries(added).map(([id, text], i) => [id, { ...special(text), special: i > 0, normalized: i === 0 }]),
  ),
};

/** The tokens of `byteFallbackFiles`. */
export const byteFallbackSize = texts.length + Object.keys(added).length;

/** A SentencePiece vocabulary in Hugging Face's form, as Llama 2 has it, and two chat templates by their names. */
export const byteFallbackFiles: Readonly<Record<string, object>> = {
  'tokenizer.json': {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: Object.entries(addedTokens).map(([id, token]) => ({ id: Number(id), ...token })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '\u2581' },
        { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
      merges: pairs.map((pair) => `\u2581 ${pair.slice(1)}`),
    },
  },
  'tokenizer_config.json': {
    add_bos_token: true,
    add_eos_token: false,
    added_tokens_decoder: addedTokens,
    additional_special_tokens: ['<tool>'],
    bos_token: '<s>',
    eos_token: '</s>',
    unk_token: '<unk>',
    tokenizer_class: 'LlamaTokenizer',
    chat_template: [
      { name: 'default', template: "{% for message in messages %}{{ message['content'] }}{% endfor %}" },
      { name: 'tool use', template: '{{ tools }}' },
    ],
  },
};

/** Tokens that Tekken calls special, in the order of their ids. The file says that there are 25. */
const tekkenSpecial =
  '<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS] [TOOL_CALLS] [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CONTENT]'.split(
    ' ',
  );

/** The tokens of `tekkenFiles`. */
export const tekkenSize = 25 + 256 + 90;

/** Mistral's own tokenizer file, with more tokens than it says it uses. */
export const tekkenFiles: Readonly<Record<string, object>> = {
  'tekken.json': {
    config: {
      pattern: '[^\\s]+|\\s+',
      num_vocab_tokens: 256 + 100,
      default_vocab_size: tekkenSize,
      default_num_special_tokens: 25,
      version: 'v3',
    },
    vocab: tekkenVocabulary(100).map((bytes, rank) => ({
      rank,
      token_bytes: Buffer.from(bytes).toString('base64'),
      token_str: null,
    })),
    special_tokens: tekkenSpecial.map((text, rank) => ({ rank, token_str: text, is_control: true })),
  },
};

/** The 256 bytes, then tokens that two earlier ones make up, some of them in several ways. */
function tekkenVocabulary(count: number): number[][] {
  const next = randomBits(7);
  const tokens = Array.from({ length: 256 }, (_, byte) => [byte]);
  const known = new Set(tokens.map(String));
  const alphabet = Buffer.from(' aetoné图');
  while (tokens.length < 256 + count) {
    const pick = (): number[] =>
      next() % 2 === 0 || tokens.length === 256
        ? [alphabet[next() % alphabet.length] ?? 32]
        : (tokens[256 + (next() % (tokens.length - 256))] ?? [32]);
    const token = [...pick(), ...pick()];
    if (token.length > 6 || known.has(String(token))) continue;
    known.add(String(token));
    tokens.push(token);
  }
  return tokens;
}
