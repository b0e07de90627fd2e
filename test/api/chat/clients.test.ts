import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import type { VserveError } from '../../../src/errors/index.ts';

const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
const ask = (text: string) => ({ role: 'user', content: [image, { type: 'text', text }] });
const messages = [{ role: 'system', content: 'You see images.' }, ask('What is shown?')];
const schema = { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } };
const tools = [{ type: 'function', function: { name: 'search', parameters: { type: 'object' } } }];

/** What clients send, by their sources; where it is refused, the field that is. */
const requests: readonly [client: string, body: object, refused?: string][] = [
  ['Open WebUI, chat', { model: 'm', messages, stream: true, stream_options: { include_usage: true } }],
  ['Open WebUI, title', { model: 'm', messages, stream: false, max_tokens: 1000 }],
  ['Open WebUI, native function calling', { messages, stream: true, tools }],
  [
    'Dify, by default',
    { model: 'm', messages, stream: true, chat_template_kwargs: { enable_thinking: false }, user: 'u', stop: [] },
  ],
  [
    'Dify, with an effort',
    { messages, chat_template_kwargs: { enable_thinking: false, reasoning_effort: 'low', thinking: false } },
  ],
  [
    'docling, a preset for DocTags',
    { model: 'm', messages: [ask('Convert this page to docling.')], skip_special_tokens: false, max_tokens: 4096 },
  ],
  ['PaddleOCR-VL', { messages: [ask('OCR:')], temperature: 0, skip_special_tokens: true, max_completion_tokens: 4096 }],
  [
    'PaddleOCR-VL with a size',
    { messages: [ask('OCR:')], skip_special_tokens: true, mm_processor_kwargs: { max_pixels: 1_003_520 } },
  ],
  [
    'MinerU',
    {
      messages: [{ role: 'system', content: 'You are a helpful assistant.' }, ask('Layout Detection:')],
      temperature: 0,
      top_p: 0.01,
      top_k: 1,
      presence_penalty: 1,
      frequency_penalty: 0.05,
      repetition_penalty: 1,
      skip_special_tokens: false,
      vllm_xargs: { no_repeat_ngram_size: 100 },
    },
  ],
  ['olmOCR', { model: 'olmocr', messages: [ask('x')], max_tokens: 8000, temperature: 0.1 }],
  ['olmOCR, guided', { messages: [ask('x')], guided_regex: '---\n.*' }],
  ['lmms-eval', { messages, max_tokens: 16, temperature: 0, chat_template_kwargs: { enable_thinking: false } }],
  ['VLMEvalKit', { model: 'm', messages, max_tokens: 2048, n: 1, temperature: 0 }],
  [
    'guidellm and vllm bench',
    {
      messages,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
      max_completion_tokens: 128,
      ignore_eos: true,
    },
  ],
  ['lm-eval', { messages, model: 'm', max_tokens: 256, temperature: 0, stop: ['\n\n'], seed: 1234 }],
  ['Frigate, a description', { model: 'm', messages: [ask('Describe it.')] }],
  ['Frigate, a review', { messages: [ask('Review it.')], response_format: schema }],
  ['Karakeep', { messages: [ask('Tags?')], response_format: schema }],
  ['Cline and Roo', { messages, temperature: 0, stream: true, tools, tool_choice: 'auto' }],
  ['Continue', { messages, model: 'm', max_tokens: 2048, temperature: 0.01, stream: true, stop: ['</s>'] }],
  [
    'NextChat',
    { messages, stream: true, model: 'm', temperature: 0.5, presence_penalty: 0, frequency_penalty: 0, top_p: 1 },
  ],
  [
    'SillyTavern',
    {
      messages,
      model: 'm',
      temperature: 1,
      max_tokens: 300,
      presence_penalty: 0,
      frequency_penalty: 0,
      top_p: 1,
      stop: [],
      stream: true,
      logit_bias: {},
      reasoning_effort: 'medium',
    },
  ],
  ["LM Studio's example", { model: 'm', messages, temperature: 0.7, max_tokens: -1, stream: false }],
  [
    "DeepSeek-OCR's recipe for vLLM",
    {
      messages: [ask('Free OCR.')],
      max_tokens: 2048,
      temperature: 0,
      skip_special_tokens: false,
      vllm_xargs: { ngram_size: 30, window_size: 90, whitelist_token_ids: [128_821, 128_822] },
    },
  ],
  [
    "Qwen's recipe for vLLM, without thinking",
    { messages, top_k: 20, min_p: 0, chat_template_kwargs: { enable_thinking: false } },
  ],
  [
    "llama-server's own page",
    {
      messages: messages.map((message, id) => ({ ...message, id: String(id), timestamp: 1 })),
      stream: true,
      cache_prompt: true,
      samplers: 'edskypmxt',
      temperature: 0.8,
      dynatemp_range: 0,
      dynatemp_exponent: 1,
      top_k: 40,
      top_p: 0.95,
      min_p: 0.05,
      typical_p: 1,
      xtc_probability: 0,
      xtc_threshold: 0.1,
      repeat_last_n: 64,
      repeat_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      dry_multiplier: 0,
      dry_base: 1.75,
      dry_allowed_length: 2,
      dry_penalty_last_n: -1,
      max_tokens: -1,
      reasoning_format: 'none',
    },
  ],
  [
    'an Ollama client',
    {
      model: 'm',
      messages: [{ role: 'user', content: 'What is shown?', images: ['iVBORw0KGgo='] }],
      stream: false,
      keep_alive: '5m',
      think: false,
      options: { num_ctx: 8192, temperature: 0, num_predict: 200 },
    },
  ],
  [
    'an OpenRouter client',
    {
      model: 'm',
      messages: [
        ...messages,
        { role: 'assistant', content: 'A cat.', reasoning: 'Hm.', reasoning_details: [] },
        ask('?'),
      ],
      provider: { order: ['a'] },
      usage: { include: true },
      transforms: [],
      include_reasoning: true,
      reasoning: { effort: 'low' },
      route: 'fallback',
    },
  ],
  [
    'an agent without tools left',
    {
      messages: [
        ask('Weather?'),
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } }],
        },
        { role: 'tool', tool_call_id: 'a', content: 'sunny' },
      ],
      tools: [],
      tool_choice: 'none',
      parallel_tool_calls: true,
    },
  ],
];

describe('a request', () => {
  it.each(requests)('of %s', (_, body, refused) => {
    for (const allowExtraFields of [false, true]) {
      const read = () => parseChatRequest(body, { allowExtraFields });
      if (refused === undefined) expect(read).not.toThrow();
      else
        expect(read).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param: refused }) as VserveError);
    }
  });
});
