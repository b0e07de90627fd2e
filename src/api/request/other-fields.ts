import type { HasNoEffect } from './json-object.ts';
import { anything, isEmpty, isOneOf, never } from './values.ts';

type Fields = Readonly<Record<string, HasNoEffect>>;

const isTextOnly: HasNoEffect = (value) =>
  isEmpty(value) || (Array.isArray(value) && value.every((modality) => modality === 'text'));

/** OpenAI. */
const OPENAI: Fields = {
  audio: isEmpty,
  max_tool_calls: anything,
  metadata: anything,
  modalities: isTextOnly,
  moderation: never,
  // Only makes the answer faster.
  prediction: anything,
  prompt_cache_key: anything,
  prompt_cache_options: anything,
  prompt_cache_retention: anything,
  safety_identifier: anything,
  service_tier: anything,
  store: anything,
  // Padding against traffic analysis.
  'stream_options.include_obfuscation': anything,
  user: anything,
  verbosity: isOneOf('medium'),
  web_search_options: never,
};

/** MAX, vLLM and SGLang. */
const ENGINES: Fields = {
  add_special_tokens: isOneOf(false),
  allowed_token_ids: never,
  bad_words: isEmpty,
  best_of: isOneOf(1),
  bootstrap_host: never,
  bootstrap_port: never,
  bootstrap_room: never,
  chat_template: isEmpty,
  custom_logit_processor: isEmpty,
  custom_params: isEmpty,
  data_parallel_rank: anything,
  dkv_cache_hint: anything,
  documents: isEmpty,
  early_stopping: isOneOf(false),
  ec_transfer_params: isEmpty,
  guided_decoding_backend: anything,
  guided_whitespace_pattern: isEmpty,
  kv_transfer_params: isEmpty,
  length_penalty: isOneOf(1),
  logits_processors: isEmpty,
  logprob_token_ids: never,
  lora: isEmpty,
  lora_path: isEmpty,
  'media_io_kwargs.*': isEmpty,
  'media_io_kwargs.video.*': isEmpty,
  priority: isOneOf(0),
  prompt_logprobs: never,
  prompt_tokens: never,
  request_id: anything,
  return_hidden_states: isOneOf(false),
  return_mm_kwargs: anything,
  return_prompt_text: isOneOf(false),
  return_token_ids: isOneOf(false),
  return_token_offsets: isOneOf(false),
  return_tokens_as_token_ids: isOneOf(false),
  rid: anything,
  routed_experts_prompt_start: isOneOf(0),
  session_params: isEmpty,
  // llama.cpp's detokenizer adds no spaces between special tokens.
  spaces_between_special_tokens: anything,
  stop_regex: isEmpty,
  stream_interval: anything,
  stream_reasoning: anything,
  structural_tag: isEmpty,
  'structured_outputs.backend': anything,
  'structured_outputs.disable_additional_properties': isOneOf(false),
  'structured_outputs.disable_any_whitespace': isOneOf(false),
  'structured_outputs.disable_fallback': anything,
  'structured_outputs.structural_tag': isEmpty,
  'structured_outputs.whitespace_pattern': isEmpty,
  target_endpoint: anything,
  thinking_temperature: never,
  tool_stream: anything,
  truncate_prompt_tokens: never,
  truncation_side: anything,
  use_beam_search: isOneOf(false),
  // Of MinerU's plug-in, which reports.
  'vllm_xargs.debug': anything,
  watermarking: isOneOf(false),
};

/** llama-server and Ollama. */
const LLAMA_CPP: Fields = {
  backend_sampling: anything,
  // Does not change the answer.
  cache_prompt: anything,
  grammar_lazy: isOneOf(false),
  grammar_triggers: isEmpty,
  id_slot: anything,
  // The model stays loaded, and its context size is fixed.
  keep_alive: anything,
  n_cache_reuse: anything,
  n_discard: anything,
  n_indent: isOneOf(0),
  n_keep: anything,
  num_ctx: anything,
  parse_tool_calls: isOneOf(true),
  post_sampling_probs: isOneOf(false),
  preserved_tokens: isEmpty,
  reasoning_control: isOneOf(false),
  response_fields: isEmpty,
  return_tokens: isOneOf(false),
  sse_ping_interval: anything,
  t_max_predict_ms: isOneOf(-1, 0),
  tfs_z: isOneOf(1),
  verbose: isOneOf(false),
};

/** Ollama's `options` that are not settings here: how the model runs, and samplers that are off. */
const OLLAMA_OPTIONS: Fields = {
  f16_kv: anything,
  low_vram: anything,
  main_gpu: anything,
  num_batch: anything,
  num_ctx: anything,
  num_gpu: anything,
  num_keep: anything,
  num_thread: anything,
  numa: anything,
  penalize_newline: isOneOf(true),
  tfs_z: isOneOf(1),
  use_mlock: anything,
  use_mmap: anything,
  vocab_only: isOneOf(false),
};

/** OpenRouter, other services, and chat front ends that send their own bookkeeping. */
const SERVICES: Fields = {
  chat_id: anything,
  conversation_id: anything,
  enable_search: isOneOf(false),
  extra_body: isEmpty,
  extra_headers: isEmpty,
  extra_query: isEmpty,
  guardrails: isEmpty,
  id: anything,
  image_config: isEmpty,
  incremental_output: isOneOf(true),
  message_id: anything,
  // A choice between models and providers, of which there is only one.
  models: anything,
  nvext: isEmpty,
  plugins: isEmpty,
  provider: anything,
  'reasoning.generate_summary': isOneOf('auto'),
  'reasoning.summary': isOneOf('auto'),
  result_format: isOneOf('message'),
  route: anything,
  safe_prompt: isOneOf(false),
  session_id: anything,
  'thinking.clear_thinking': anything,
  timeout: anything,
  title: anything,
  top_a: isOneOf(0),
  trace: anything,
  transforms: isEmpty,
  vl_high_resolution_images: isOneOf(false),
};

/**
 * The fields that are known but unsupported, with the values that do not affect the answer. Other values are refused,
 * even if unknown fields are ignored: no answer is better than one that ignores part of the request.
 */
export const OTHER_FIELDS: Fields = {
  ...OPENAI,
  ...ENGINES,
  ...LLAMA_CPP,
  ...Object.fromEntries(Object.entries(OLLAMA_OPTIONS).map(([name, rule]) => [`options.${name}`, rule])),
  ...SERVICES,
};
