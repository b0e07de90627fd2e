/** Which fields a server understands beyond OpenAI's, and how it writes its answers. */
export const dialects = ['openai', 'vllm', 'sglang', 'max', 'llama-server', 'vserve'] as const;

export type Dialect = (typeof dialects)[number];

const openai = ['openai'] as const;
const engines = ['vllm', 'sglang', 'max', 'llama-server', 'vserve'] as const satisfies readonly Dialect[];

/** Sets of dialects that have a field in common. */
export const having = {
  all: [...openai, ...engines],
  engines,
  /** All engines but llama-server, which lacks most of what Hugging Face's libraries have. */
  transformersLike: ['vllm', 'sglang', 'max', 'vserve'],
  llamaLike: ['llama-server', 'vserve'],
  vllmLike: ['vllm', 'vserve'],
  vserve: ['vserve'],
  /** MAX takes `n` and `logit_bias`, and does nothing of what they say. */
  allButMax: [...openai, 'vllm', 'sglang', 'llama-server', 'vserve'],
} as const satisfies Readonly<Record<string, readonly Dialect[]>>;

/** Whether a dialect is one of a set. */
export function isIn(set: readonly Dialect[], dialect: Dialect): boolean {
  return set.includes(dialect);
}
