import { isDeepStrictEqual } from 'node:util';
import type { HasNoEffect } from '../json-object.ts';
import { isJsonObject } from '../json-object.ts';
import { anything, isEmpty, isOneOf, never } from '../values.ts';

type Fields = Readonly<Record<string, HasNoEffect>>;

const isTextFormat: HasNoEffect = (value) => isEmpty(value) || (isJsonObject(value) && value['type'] === 'text');
const areZeros: HasNoEffect = (value) =>
  isEmpty(value) || (isJsonObject(value) && Object.values(value).every((bias) => bias === 0));
const isTextOnly: HasNoEffect = (value) =>
  isEmpty(value) || (Array.isArray(value) && value.every((modality) => modality === 'text'));

/** llama.cpp's default order of samplers, as names and as letters. */
const SAMPLERS: readonly unknown[] = [
  'penalties',
  'dry',
  'top_n_sigma',
  'top_k',
  'typ_p',
  'top_p',
  'min_p',
  'xtc',
  'temperature',
];
const SAMPLER_LETTERS = 'edskypmxt';
const isDefaultOrder: HasNoEffect = (value) =>
  isEmpty(value) || value === SAMPLER_LETTERS || isDeepStrictEqual(value, SAMPLERS);

/** OpenAI. */
const OPENAI: Fields = {
  audio: isEmpty,
  function_call: isOneOf('none', 'auto'),
  functions: isEmpty,
  logit_bias: areZeros,
  logprobs: isOneOf(false),
  max_tool_calls: anything,
  metadata: anything,
  modalities: isTextOnly,
  moderation: never,
  n: isOneOf(1),
  parallel_tool_calls: anything,
  // Only makes the answer faster.
  prediction: anything,
  prompt_cache_key: anything,
  prompt_cache_options: anything,
  prompt_cache_retention: anything,
  response_format: isTextFormat,
  safety_identifier: anything,
  service_tier: anything,
  store: anything,
  // Padding against traffic analysis.
  'stream_options.include_obfuscation': anything,
  tool_choice: isOneOf('none', 'auto'),
  tools: isEmpty,
  top_logprobs: isOneOf(0),
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
  ebnf: isEmpty,
  ec_transfer_params: isEmpty,
  echo: isOneOf(false),
  guided_choice: isEmpty,
  guided_decoding_backend: anything,
  guided_grammar: isEmpty,
  // Even an empty schema asks for JSON.
  guided_json: never,
  guided_regex: isEmpty,
  guided_whitespace_pattern: anything,
  include_stop_str_in_output: isOneOf(false),
  kv_transfer_params: isEmpty,
  length_penalty: isOneOf(1),
  logits_processors: isEmpty,
  logprob_token_ids: never,
  lora: isEmpty,
  lora_path: isEmpty,
  'media_io_kwargs.*': isEmpty,
  min_new_tokens: isOneOf(0),
  min_tokens: isOneOf(0),
  'mm_processor_kwargs.*': never,
  no_stop_trim: isOneOf(false),
  priority: isOneOf(0),
  prompt_logprobs: never,
  prompt_tokens: never,
  reasoning_split: isOneOf(false),
  regex: isEmpty,
  repetition_detection: isEmpty,
  request_id: anything,
  return_hidden_states: isOneOf(false),
  return_mm_kwargs: anything,
  return_prompt_text: isOneOf(false),
  return_token_ids: isOneOf(false),
  return_token_offsets: isOneOf(false),
  return_tokens_as_token_ids: isOneOf(false),
  rid: anything,
  routed_experts_prompt_start: isOneOf(0),
  // Without a reasoning parser, SGLang leaves the reasoning in the answer either way.
  separate_reasoning: anything,
  session_params: isEmpty,
  // llama.cpp's detokenizer adds no spaces between special tokens.
  spaces_between_special_tokens: anything,
  stop_regex: isEmpty,
  stop_token_ids: isEmpty,
  stream_interval: anything,
  stream_reasoning: anything,
  structured_outputs: isEmpty,
  target_endpoint: anything,
  thinking_temperature: never,
  thinking_token_budget: isOneOf(-1),
  tool_stream: anything,
  truncate_prompt_tokens: never,
  truncation_side: anything,
  use_beam_search: isOneOf(false),
  // Arguments of vLLM plug-ins, which vLLM ignores if the plug-in is not loaded.
  vllm_xargs: isJsonObject,
  watermarking: isOneOf(false),
};

/** llama-server and Ollama. */
const LLAMA_CPP: Fields = {
  adaptive_decay: anything,
  adaptive_target: isOneOf(-1),
  backend_sampling: anything,
  // Does not change the answer.
  cache_prompt: anything,
  dry_allowed_length: anything,
  dry_base: anything,
  dry_multiplier: isOneOf(0),
  dry_penalty_last_n: anything,
  dry_sequence_breakers: anything,
  dynatemp_exponent: anything,
  dynatemp_range: isOneOf(0),
  grammar: isEmpty,
  grammar_lazy: anything,
  grammar_triggers: isEmpty,
  id_slot: anything,
  // Even an empty schema asks for JSON.
  json_schema: never,
  // The model stays loaded, and its context size is fixed.
  keep_alive: anything,
  min_keep: isOneOf(0),
  mirostat: isOneOf(0),
  mirostat_eta: anything,
  mirostat_tau: anything,
  n_cache_reuse: anything,
  n_cmpl: isOneOf(1),
  n_discard: anything,
  n_indent: isOneOf(0),
  n_keep: anything,
  n_probs: isOneOf(0),
  num_ctx: anything,
  parse_tool_calls: anything,
  post_sampling_probs: isOneOf(false),
  preserved_tokens: isEmpty,
  reasoning_budget: isOneOf(-1),
  reasoning_budget_message: isEmpty,
  reasoning_budget_tokens: isOneOf(-1),
  reasoning_control: isOneOf(false),
  reasoning_format: isOneOf('auto', 'none'),
  repeat_last_n: isOneOf(-1, 64),
  response_fields: isEmpty,
  return_progress: isOneOf(false),
  return_tokens: isOneOf(false),
  samplers: isDefaultOrder,
  sse_ping_interval: anything,
  t_max_predict_ms: isOneOf(-1, 0),
  tfs_z: isOneOf(1),
  thinking_budget_tokens: isOneOf(-1),
  timings_per_token: isOneOf(false),
  top_n_sigma: isOneOf(-1, 0),
  typical_p: isOneOf(1),
  verbose: isOneOf(false),
  xtc_probability: isOneOf(0),
  xtc_threshold: anything,
};

/** Ollama's `options` that are not settings here: how the model runs, and samplers that are off. */
const OLLAMA_OPTIONS: Fields = {
  f16_kv: anything,
  low_vram: anything,
  main_gpu: anything,
  mirostat: isOneOf(0),
  mirostat_eta: anything,
  mirostat_tau: anything,
  num_batch: anything,
  num_ctx: anything,
  num_gpu: anything,
  num_keep: anything,
  num_thread: anything,
  numa: anything,
  penalize_newline: isOneOf(true),
  repeat_last_n: isOneOf(-1, 64),
  tfs_z: isOneOf(1),
  typical_p: isOneOf(1),
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
  'reasoning.max_tokens': never,
  'reasoning.summary': isOneOf('auto'),
  result_format: isOneOf('message'),
  route: anything,
  safe_prompt: isOneOf(false),
  session_id: anything,
  'thinking.budget_tokens': never,
  'thinking.clear_thinking': anything,
  thinking_budget: isOneOf(-1),
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
