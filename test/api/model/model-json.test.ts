import { describe, expect, it } from 'vitest';
import { modelJson, modelListJson, propsJson, slotsJson } from '../../../src/api/index.ts';
import { parameterSize } from '../../../src/api/model/parameter-size.ts';
import type { ModelInfo } from '../../../src/backend/index.ts';
import { everything, infoWith } from '../chat/support.ts';

const since = new Date('2026-11-29T12:00:00Z');
const described: ModelInfo = {
  ...infoWith(
    { ...everything, embeddings: true },
    { temperature: Math.fround(0.7), seed: 123_456_789, samplers: ['temperature', 'topP'] },
  ),
  contextLength: 8192,
  maxBatchSize: 4,
  description: {
    architecture: 'gemma3',
    parameterCount: 4_300_079_472,
    quantization: 'Q4_K_M',
    sizeBytes: 3_338_801_804,
    trainedContextLength: 131_072,
    embeddingLength: 2560,
    vocabularySize: 262_144,
    tokenizer: 'llama',
    chatTemplate: '{{ messages }}',
    bosToken: '<bos>',
    eosToken: '<eos>',
  },
};
const model = { name: 'org/model', info: described, since };
const plain = { name: 'org/model', info: infoWith({ vision: false }), since };

describe('the model object', () => {
  it('says what llama-server, vLLM, OpenRouter and Ollama say of a model', () => {
    expect(modelJson(model)).toEqual({
      id: 'org/model',
      object: 'model',
      created: 1_795_953_600,
      owned_by: 'vserve',
      max_model_len: 8192,
      root: 'org/model',
      parent: null,
      name: 'org/model',
      context_length: 8192,
      architecture: {
        modality: 'text+image->text',
        input_modalities: ['text', 'image', 'file'],
        output_modalities: ['text'],
        tokenizer: 'llama',
      },
      supported_parameters: expect.arrayContaining([
        'tools',
        'tool_choice',
        'structured_outputs',
        'response_format',
        'reasoning',
        'logprobs',
        'logit_bias',
        'temperature',
      ]) as string[],
      top_provider: { context_length: 8192, max_completion_tokens: 8192, is_moderated: false },
      meta: {
        n_ctx: 8192,
        n_ctx_train: 131_072,
        n_vocab: 262_144,
        n_embd: 2560,
        n_params: 4_300_079_472,
        size: 3_338_801_804,
        ftype: 'Q4_K_M',
      },
      capabilities: ['completion', 'vision', 'tools', 'thinking', 'embedding', 'multimodal', 'structured_output'],
      details: {
        parent_model: '',
        format: 'gguf',
        family: 'gemma3',
        families: ['gemma3', 'clip'],
        parameter_size: '4.3B',
        quantization_level: 'Q4_K_M',
        context_length: 8192,
        embedding_length: 2560,
      },
    });
  });

  it('claims nothing that the model lacks or that is not known', () => {
    const { architecture, capabilities, meta, supported_parameters } = modelJson(plain);
    expect(architecture).toEqual({ modality: 'text->text', input_modalities: ['text'], output_modalities: ['text'] });
    expect([capabilities, meta]).toEqual([['completion'], { n_ctx: 100 }]);
    expect(supported_parameters).not.toEqual(expect.arrayContaining(['tools']));
    expect(supported_parameters).not.toEqual(expect.arrayContaining(['logit_bias']));
  });

  it("stands in OpenAI's list and in llama-server's", () => {
    const { object, data, models } = modelListJson([model]);
    expect([object, data]).toEqual(['list', [modelJson(model)]]);
    expect(models).toMatchObject([
      { name: 'org/model', model: 'org/model', size: 3_338_801_804, details: { family: 'gemma3' } },
    ]);
  });
});

describe('a size of parameters', () => {
  it.each([
    [4_300_079_472, '4.3B'],
    [32_000_000_000, '32B'],
    [268_098_176, '268.1M'],
    [1_234, '1.2K'],
    [12, '12'],
    [undefined, ''],
  ])('%s is %s', (count, text) => {
    expect(parameterSize(count)).toBe(text);
  });
});

describe('the props', () => {
  it('are what holds for a request that sets nothing', () => {
    const props = propsJson(model, { version: '1.2.3', hasSlots: true });
    expect(props).toMatchObject({
      total_slots: 4,
      model_path: 'org/model',
      modalities: { vision: true, audio: false },
      endpoint_slots: true,
      chat_template: '{{ messages }}',
      bos_token: '<bos>',
      eos_token: '<eos>',
      build_info: 'vserve-1.2.3',
    });
    expect(props.default_generation_settings).toMatchObject({
      n_ctx: 8192,
      params: { temperature: 0.7, top_p: 1, seed: 123_456_789, repeat_penalty: 1, samplers: ['temperature', 'top_p'] },
    });
  });

  it('leave out what is not known', () => {
    const props = propsJson(plain, { version: '1.2.3', hasSlots: false });
    expect(Object.keys(props)).not.toEqual(expect.arrayContaining(['chat_template']));
    expect(props).toMatchObject({ modalities: { vision: false }, endpoint_slots: false });
  });
});

describe('slots', () => {
  it('are idle, or tell how far a request is', () => {
    const running = {
      number: 7,
      promptTokens: 20,
      cachedTokens: 5,
      isPrefilled: true,
      completionTokens: 3,
      maxTokens: 10,
    };
    expect(slotsJson([undefined, running], 100)).toEqual([
      {
        id: 0,
        n_ctx: 100,
        speculative: false,
        is_processing: false,
        next_token: [{ has_next_token: false, n_remain: -1, n_decoded: 0 }],
      },
      {
        id: 1,
        n_ctx: 100,
        speculative: false,
        is_processing: true,
        id_task: 7,
        n_prompt_tokens: 20,
        n_prompt_tokens_processed: 15,
        n_prompt_tokens_cache: 5,
        next_token: [{ has_next_token: true, n_remain: 7, n_decoded: 3 }],
      },
    ]);
  });
});
