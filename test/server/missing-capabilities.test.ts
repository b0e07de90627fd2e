import { beforeAll, describe, expect, it, test } from 'vitest';
import type { LoadedModel } from '../../src/backend/index.ts';
import { findBackend } from '../../src/backend/index.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';
import { serveModel } from './support/serve.ts';

/** A model that can do nothing but answer conversations in text. */
let model: LoadedModel;
beforeAll(async () => {
  const path = new URL('../backends/minimal-backend.ts', import.meta.url).pathname;
  const options = { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal };
  model = await (await findBackend(path)).load({ modelPath: '', mmprojPath: undefined }, defaultLoadSettings, options);
});

const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } };
const chat = '/v1/chat/completions';
const user = { role: 'user', content: 'four' };
const image = { role: 'user', content: [{ type: 'image_url', image_url: { url: pixel } }] };

/** What is asked for, by which route, in which fields, and the field that the refusal names. */
const refused: readonly (readonly [string, string, object, string | null])[] = [
  ['a picture', chat, { messages: [image] }, 'messages[0].content[0]'],
  [
    'a picture of a budget',
    chat,
    { messages: [{ ...image, content: [{ ...image.content[0], max_pixels: 100_000 }] }] },
    'messages[0].content[0]',
  ],
  ['settings of an image processor', chat, { mm_processor_kwargs: { max_pixels: 100_000 } }, 'mm_processor_kwargs'],
  ['tools', chat, { tools: [tool] }, 'tools'],
  ['a JSON object', chat, { response_format: { type: 'json_object' } }, 'response_format'],
  [
    'a schema',
    chat,
    { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } } },
    'response_format',
  ],
  ['a grammar', chat, { grammar: 'root ::= "a"' }, 'grammar'],
  ['log probabilities', chat, { logprobs: true }, 'logprobs'],
  ['several answers', chat, { n: 2 }, 'n'],
  ['a bias', chat, { logit_bias: { 5: 1 } }, 'logit_bias'],
  ['a bias of a text', chat, { logit_bias: [['a', 1]] }, 'logit_bias[0]'],
  ['a least number of tokens', chat, { min_tokens: 3 }, 'min_tokens'],
  ['stop tokens', chat, { stop_token_ids: [3] }, 'stop_token_ids'],
  ['its stop string', chat, { stop: 'x', include_stop_str_in_output: true }, 'include_stop_str_in_output'],
  ['control tokens', chat, { skip_special_tokens: false }, 'skip_special_tokens'],
  ['an answer past its end', chat, { ignore_eos: true }, 'ignore_eos'],
  ['a message to continue', chat, { messages: [user, { role: 'assistant', content: 'It' }] }, 'messages'],
  ['no turn for the answer', chat, { add_generation_prompt: false }, 'messages'],
  ['progress', chat, { return_progress: true, stream: true }, 'return_progress'],
  ['mirostat', chat, { mirostat: 2 }, 'mirostat'],
  ['dynamic temperature', chat, { dynatemp_range: 0.5 }, 'dynatemp_range'],
  ['a sampler', chat, { typical_p: 0.5 }, 'typical_p'],
  ['another sampler', chat, { xtc_probability: 0.5 }, 'xtc_probability'],
  ['a prompt', '/v1/completions', { prompt: 'four' }, 'prompt'],
  ["llama-server's prompt", '/completion', { prompt: 'four' }, 'prompt'],
  ['embeddings', '/v1/embeddings', { input: 'four' }, null],
  ['the number of tokens', `${chat}/input_tokens`, { messages: [user] }, null],
  ['tokens', '/tokenize', { content: 'four' }, null],
  ['the text of tokens', '/detokenize', { tokens: [4] }, null],
  ['the text of a prompt', '/apply-template', { messages: [user] }, null],
  ['an empty cache', '/reset_prefix_cache', {}, null],
];

describe('a backend that lacks a capability', () => {
  test.each(refused)('is never asked for %s', async (_, path, fields, param) => {
    const { url, generateRequests } = await serveModel(model);
    const own = path === chat ? { messages: [user] } : {};
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...own, ...fields }),
    });
    const { error } = (await response.json()) as { error: { code: string; param: string | null } };
    expect([response.status, error.code]).toEqual([400, 'unsupported_capability']);
    if (param === null) expect(error.param).toBe(null);
    else expect(error.param).toMatch(new RegExp(`^${param.replaceAll(/[[\].]/g, '\\$&')}`));
    expect(generateRequests).toEqual([]);
  });

  it('is never asked for log probabilities of a prompt', async () => {
    const capabilities = { vision: false, rawPrompts: true, logProbs: true };
    const { url, generateRequests } = await serveModel({ ...model, info: { ...model.info, capabilities } });
    const body = JSON.stringify({ prompt: 'four', echo: true, logprobs: 1 });
    const response = await fetch(`${url}/v1/completions`, { method: 'POST', body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'unsupported_capability' } });
    expect(generateRequests).toEqual([]);
  });

  it('is not asked to think by clients that say so in so many words', async () => {
    const { url } = await serveModel(model);
    const body = JSON.stringify({ model: '', messages: [user], think: true });
    const response = await fetch(`${url}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(400);
  });

  it('answers where all that is asked for is a limit to its reasoning, or less of it', async () => {
    const { url } = await serveModel(model);
    for (const fields of [{ reasoning_effort: 'low' }, { thinking_budget_tokens: 100 }]) {
      const body = JSON.stringify({ messages: [user], ...fields });
      const response = await fetch(url + chat, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(response.status).toBe(200);
    }
  });
});
