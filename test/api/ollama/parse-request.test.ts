import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChatRequest, parseGenerateRequest } from '../../../src/api/ollama/parse-request.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { infoWith } from '../chat/support.ts';
import { failureOf, model, parseChat, parseGenerate } from './support.ts';

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];

/** Every option of Ollama, past ones too. */
const allOptions = {
  num_keep: 5,
  seed: 42,
  num_predict: 100,
  top_k: 20,
  top_p: 0.9,
  min_p: 0.1,
  tfs_z: 1,
  typical_p: 0.7,
  repeat_last_n: 33,
  temperature: 0.8,
  repeat_penalty: 1.2,
  presence_penalty: 1.5,
  frequency_penalty: 1,
  mirostat: 1,
  mirostat_tau: 0.8,
  mirostat_eta: 0.6,
  penalize_newline: true,
  stop: ['\n', 'user:'],
  numa: false,
  num_ctx: 1024,
  num_batch: 2,
  num_gpu: 1,
  main_gpu: 0,
  low_vram: false,
  vocab_only: false,
  use_mmap: true,
  use_mlock: false,
  num_thread: 8,
  draft_num_predict: 4,
};

describe('the options', () => {
  it.each([
    ['chat', parseChat],
    ['generate', parseGenerate],
  ])('of %s are all settings, or ask for nothing', (_name, parse) => {
    const { sampling, maxTokens, stop } = parse({ options: allOptions });
    expect({ sampling, maxTokens, stop }).toEqual({
      sampling: {
        seed: 42,
        topK: 20,
        topP: 0.9,
        minP: 0.1,
        typicalP: 0.7,
        penaltyWindow: 33,
        temperature: 0.8,
        repetitionPenalty: 1.2,
        presencePenalty: 1.5,
        frequencyPenalty: 1,
        mirostat: 1,
        mirostatTau: 0.8,
        mirostatEta: 0.6,
      },
      maxTokens: 100,
      stop: ['\n', 'user:'],
    });
  });

  it.each([-1, -2])('have no limit of tokens with num_predict %i', (num_predict) => {
    expect(parseChat({ options: { num_predict } }).maxTokens).toBeUndefined();
  });

  it('keep to the context of the server', () => {
    expect(parseChat({ options: { num_ctx: 4096 } })).toMatchObject({ stream: true });
    expect(failureOf(() => parseChat({ options: { num_ctx: 4097 } }))).toEqual([
      'invalid_request',
      'options.num_ctx',
      expect.stringMatching(/4097 tokens.*has 4096.*--max-length/) as string,
    ]);
  });

  it.each([
    [{ num_predict: 0 }, 'invalid_request', 'options.num_predict'],
    [{ temperature: 'hot' }, 'invalid_request', 'options.temperature'],
    [{ penalize_newline: false }, 'unsupported_parameter', 'options.penalize_newline'],
    [{ n_ctx: 1 }, 'invalid_request', 'options.n_ctx'],
  ])('are refused by name: %j', (options, code, param) => {
    expect(failureOf(() => parseGenerate({ options })).slice(0, 2)).toEqual([code, param]);
  });
});

describe('a field', () => {
  it.each([
    [{ format: 'json' }, { format: { type: 'json-object' } }],
    [{ format: { type: 'object' } }, { format: { type: 'json-schema', schema: { type: 'object' }, param: 'format' } }],
    [{ format: '' }, { format: { type: 'text' } }],
    [{ think: false }, { template: { variables: { enable_thinking: false } } }],
    [{ think: 'max' }, { template: { variables: { reasoning_effort: 'max', enable_thinking: true } } }],
    [{ logprobs: true, top_logprobs: 3 }, { logProbs: 3 }],
    [{ stream: false }, { stream: false }],
    [{ keep_alive: '1h30m', truncate: true, shift: false }, { stream: true }],
    [{ keep_alive: -1 }, { answer: { load: undefined } }],
    [{ model: 'org/model:latest' }, { model: 'org/model', answer: { model: 'org/model:latest' } }],
    [{ model: 'other' }, { model: 'other' }],
  ])('means the same in both routes: %j', (fields, expected) => {
    expect(parseChat(fields)).toMatchObject(expected);
    expect(parseGenerate(fields)).toMatchObject(expected);
  });

  it.each([
    [{ keep_alive: 'soon' }, 'invalid_request', 'keep_alive'],
    [{ think: 'hard' }, 'invalid_request', 'think'],
    [{ format: 'yaml' }, 'invalid_request', 'format'],
    [{ top_logprobs: 21, logprobs: true }, 'invalid_request', 'top_logprobs'],
    [{ temperature: 1 }, 'invalid_request', 'temperature'],
    [{ images: png }, undefined, 'images'],
    [{ _debug_render_only: true }, 'unsupported_parameter', '_debug_render_only'],
  ])('is refused by name: %j', (fields, code, param) => {
    for (const parse of [parseChat, parseGenerate]) {
      const failure = failureOf(() => parse(fields));
      expect(failure[1]).toBe(param);
      if (code !== undefined) expect(failure[0]).toBe(code);
    }
  });

  it.each([
    [{ suffix: 'end' }, 'suffix', /from the prompt/],
    [{ template: '{{ .Prompt }}' }, 'template', /raw: true/],
    [{ context: [1, 2] }, 'context', /\/api\/chat/],
    [{ width: 512 }, 'width', /not supported/],
    [{ raw: true, system: 'Be brief.' }, 'system', /raw/],
  ])('of generate is refused with advice: %j', (fields, param, advice) => {
    expect(failureOf(() => parseGenerate(fields)).slice(1)).toEqual([param, expect.stringMatching(advice)]);
  });

  it('that asks for nothing is taken', () => {
    const empty = { suffix: '', template: '', context: [], images: [], system: '', raw: false, options: {} };
    expect(parseGenerate(empty)).toEqual({ ...parseGenerate({}), askedBy: expect.anything() as unknown });
    expect(parseChat({ tools: [], options: null, format: null, think: null })).toEqual(parseChat({}));
  });

  it('that turns thinking on needs a model that thinks', () => {
    const mute = { ...model, info: infoWith({ vision: true }) };
    expect(failureOf(() => parseChat({ think: true }, mute)).slice(0, 2)).toEqual(['unsupported_capability', 'think']);
    expect(failureOf(() => parseChat({ think: 'low' }, mute)).slice(0, 2)).toEqual(['unsupported_capability', 'think']);
    expect(parseChat({ think: false }, mute)).toMatchObject({ stream: true });
  });
});

describe('a conversation', () => {
  it('has images before the text, calls with objects, and results that need no ids', () => {
    const messages = [
      { role: 'System', content: 'Look.' },
      { role: 'user', content: 'What is it?', images: [png] },
      {
        role: 'assistant',
        content: '',
        thinking: 'I look.',
        tool_calls: [
          { function: { name: 'look', arguments: { at: 'left' } } },
          { id: 'b', type: 'function', function: { index: 1, name: 'find', arguments: {} } },
        ],
      },
      { role: 'tool', content: 'a star', tool_name: 'find' },
      { role: 'tool', content: 'a square' },
    ];
    const { messages: read } = parseChat({ messages, tools });
    expect(read).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'Look.' }] },
      {
        role: 'user',
        content: [
          { type: 'image', url: `data:;base64,${png}`, param: 'messages[1].images[0]' },
          { type: 'text', text: 'What is it?' },
        ],
      },
      {
        role: 'assistant',
        content: [{ type: 'text', text: '' }],
        reasoning: 'I look.',
        toolCalls: [
          { id: 'call_0', name: 'look', arguments: '{"at":"left"}' },
          { id: 'b', name: 'find', arguments: '{}' },
        ],
      },
      { role: 'tool', content: [{ type: 'text', text: 'a star' }], toolCallId: 'b', name: 'find' },
      { role: 'tool', content: [{ type: 'text', text: 'a square' }], toolCallId: 'call_0', name: 'look' },
    ]);
  });

  it('is continued where the assistant spoke last', () => {
    const asked = { role: 'user', content: 'Count.' };
    const begun = parseChat({ messages: [asked, { role: 'assistant', content: 'One, ' }] });
    expect(begun.template).toMatchObject({ continueFinalMessage: true });
    const empty = parseChat({ messages: [asked, { role: 'assistant', content: '' }] });
    expect([empty.messages.length, empty.template]).toEqual([
      1,
      expect.objectContaining({ addGenerationPrompt: true }),
    ]);
  });

  it.each([
    [[{ role: 'robot', content: '' }], 'messages[0].role'],
    [[{ role: 'user', content: 5 }], 'messages[0].content'],
    [[{ role: 'user', content: '', images: [7] }], 'messages[0].images[0]'],
    [[{ role: 'user', content: '', image: png }], 'messages[0].image'],
    [[{ role: 'user', content: '', mood: 'gay' }], 'messages[0].mood'],
    [[{ role: 'user', content: '', tool_calls: [{ function: { name: 'f' } }] }], 'messages[0].tool_calls'],
    [
      [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: 'x' } }] }],
      'messages[0].tool_calls[0].function.arguments',
    ],
    [[{ role: 'assistant', tool_calls: [{ function: {} }] }], 'messages[0].tool_calls[0].function.name'],
    [[{ role: 'assistant', content: '', tool_calls: [{ function: { name: 'f' } }] }], 'messages[0].tool_calls'],
    [[{ role: 'tool', content: 'x' }], 'messages[0].tool_name'],
    [[{ role: 'tool', content: 'x', tool_call_id: 'a' }], 'messages[0].tool_call_id'],
    ['hi', 'messages'],
  ])('is refused by name: %j', (messages, param) => {
    expect(failureOf(() => parseChat({ messages }))[1]).toBe(param);
  });
});

describe('a prompt', () => {
  it('is a turn of the user, with images and a system message', () => {
    expect(parseGenerate({ prompt: 'What?', system: 'Be brief.', images: [png] }).messages).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
      {
        role: 'user',
        content: [
          { type: 'image', url: `data:;base64,${png}`, param: 'images[0]' },
          { type: 'text', text: 'What?' },
        ],
      },
    ]);
  });

  it('is taken as it is when raw', () => {
    expect(parseGenerate({ prompt: '<s>hi', raw: true })).toMatchObject({
      messages: [],
      prompt: [{ type: 'text', text: '<s>hi' }],
    });
  });
});

describe('a request without a prompt', () => {
  it.each([
    [{}, 'load'],
    [{ keep_alive: 300 }, 'load'],
    [{ keep_alive: '10m' }, 'load'],
    [{ keep_alive: 0 }, 'unload'],
    [{ keep_alive: '0' }, 'unload'],
    [{ keep_alive: '0s' }, 'unload'],
  ])('with %j is to %s the model', (fields, load) => {
    expect(parseChat({ messages: [], ...fields }).answer.load).toBe(load);
    expect(parseChat({ messages: null, ...fields }).answer.load).toBe(load);
    expect(parseGenerate({ prompt: '', ...fields }).answer.load).toBe(load);
  });

  it('but with an image is one to answer', () => {
    expect(parseGenerate({ prompt: '', images: [png] }).answer.load).toBeUndefined();
    expect(parseGenerate({ prompt: 'hi', keep_alive: 0 }).answer.load).toBeUndefined();
  });
});

it('any JSON is read or refused', () => {
  const field = fc.oneof(
    fc.constantFrom('messages', 'prompt', 'images', 'options', 'format', 'think', 'tools', 'keep_alive', 'context'),
    fc.string(),
  );
  const body = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()));
  fc.assert(
    fc.property(body, (value) => {
      for (const parse of [parseChatRequest, parseGenerateRequest]) {
        try {
          parse(value, { allowExtraFields: false }, model);
        } catch (error) {
          if (!(error instanceof VserveError)) throw error;
        }
      }
    }),
    { numRuns: 500 },
  );
});
