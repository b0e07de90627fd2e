import { expect, it } from 'vitest';
import type { GenerateRequest, GenerationEvent } from '../../../src/backend/index.ts';
import { generateRequest } from './support/generate-request.ts';
import type { FakeUpstreamOptions } from './support/fake-upstream.ts';
import { delta, endChunks, fakeUpstream, writeChunks } from './support/fake-upstream.ts';
import { errorOf } from './support/error-of.ts';
import { loadUpstreams } from './support/serve-upstreams.ts';

type Chunks = readonly object[];

/** The events of an upstream's chunks. */
async function eventsOf(
  chunks: Chunks,
  request: Partial<GenerateRequest> = {},
  options: FakeUpstreamOptions = {},
): Promise<GenerationEvent[]> {
  const upstream = await fakeUpstream((response) => {
    writeChunks(response, ...chunks);
    response.end('data: [DONE]\n\n');
  }, options);
  const model = await loadUpstreams([upstream.url]);
  const events: GenerationEvent[] = [];
  for await (const event of model.generate(generateRequest(request), new AbortController().signal)) events.push(event);
  return events;
}

const usage = { choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } };
const end = (reason: string, more: object = {}): object => delta({}, { finish_reason: reason, ...more });

it('a text comes piece by piece, and its usage at the end', async () => {
  const details = {
    prompt_tokens: 7,
    completion_tokens: 3,
    prompt_tokens_details: { cached_tokens: 5, image_tokens: 2 },
    completion_tokens_details: { reasoning_tokens: 1 },
  };
  const events = await eventsOf([
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'Hel' }),
    delta({ content: 'lo' }),
    end('stop', { stop_reason: 'x' }),
    { choices: [], usage: details },
  ]);
  expect(events).toMatchObject([
    { type: 'start' },
    { type: 'text-delta', text: 'Hel', tokens: 1 },
    { type: 'text-delta', text: 'lo', tokens: 1 },
    {
      type: 'finish',
      reason: 'stop',
      stoppedBy: 'x',
      usage: { promptTokens: 7, completionTokens: 3, cachedTokens: 5, imageTokens: 2, reasoningTokens: 1 },
    },
  ]);
});

it.each(['reasoning_content', 'reasoning'])('reasoning in %s is told apart', async (name) => {
  const events = await eventsOf([delta({ [name]: 'Hm' }), delta({ content: 'Yes' }), end('length'), usage]);
  expect(events).toMatchObject([
    { type: 'start' },
    { type: 'reasoning-delta', text: 'Hm' },
    { type: 'text-delta', text: 'Yes' },
    { type: 'finish', reason: 'length' },
  ]);
});

it('calls begin with an id and a name, whoever makes the id', async () => {
  const events = await eventsOf([
    delta({ tool_calls: [{ index: 0, id: 'c1', function: { name: 'look', arguments: '{"a"' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    delta({ tool_calls: [{ index: 1, function: { name: 'see', arguments: '{}' } }] }),
    // As of servers that say `stop` of all answers.
    end('stop'),
    usage,
  ]);
  expect(events).toMatchObject([
    { type: 'start' },
    { type: 'tool-call-delta', index: 0, call: { id: 'c1', name: 'look' }, arguments: '{"a"' },
    { type: 'tool-call-delta', index: 0, arguments: ':1}' },
    { type: 'tool-call-delta', index: 1, call: { id: expect.stringMatching(/.{8}/), name: 'see' }, arguments: '{}' },
    { type: 'finish', reason: 'tool_calls' },
  ]);
});

it('several answers are told apart, and their tokens add up to what the upstream counts', async () => {
  const events = await eventsOf(
    [
      delta({ content: 'a' }),
      delta({ content: 'b' }, { index: 1 }),
      delta({ content: 'c' }, { index: 1 }),
      end('stop'),
      end('length', { index: 1 }),
      { choices: [], usage: { prompt_tokens: 7, completion_tokens: 5 } },
    ],
    { choices: 2 },
  );
  expect(events.filter(({ type }) => type === 'finish')).toMatchObject([
    { reason: 'stop', usage: { completionTokens: 1 } },
    { choice: 1, reason: 'length', usage: { completionTokens: 4 } },
  ]);
});

it('log probabilities come with their text', async () => {
  const token = { token: 'é', bytes: [195, 169], logprob: -0.5, top_logprobs: [{ token: 'e', logprob: -9999 }] };
  const events = await eventsOf([delta({ content: 'é' }, { logprobs: { content: [token] } }), end('stop'), usage], {
    logProbs: 1,
  });
  expect(events[1]).toMatchObject({
    text: 'é',
    logProbs: [
      {
        text: 'é',
        bytes: [195, 169],
        logProb: -0.5,
        likeliest: [{ text: 'e', bytes: [101], logProb: -Infinity }],
      },
    ],
  });
});

/** As MAX lists its model. */
const max = { owner: '', listed: { shutdown_date: null, max_model_len: 1024 } } as const;

it('tokens that MAX does not tell are told from the likeliest', async () => {
  const logprobs = { text_offset: null, token_logprobs: [-0.5], tokens: null, top_logprobs: [{ x: -0.25, a: -0.5 }] };
  const ended = {
    choices: [{ index: 0, text: '', logprobs: { ...logprobs, token_logprobs: [] }, finish_reason: 'stop' }],
  };
  const chunks = [{ choices: [{ index: 0, text: 'a', logprobs }] }, ended, usage];
  const prompt = [{ type: 'text', text: 'Once' }] as const;
  const events = await eventsOf(chunks, { messages: [], prompt, logProbs: 2 }, max);
  expect(events[1]).toMatchObject({
    text: 'a',
    logProbs: [{ text: 'a', logProb: -0.5, likeliest: [{ text: 'x' }, { text: 'a' }] }],
  });
});

it.each([
  [['END'], ['a E', 'N', 'Ds and', ' more'], 'a ', 'END'],
  [['END', 'b'], ['a EN', 'b'], 'a EN', 'b'],
  [['END'], ['a E', 'NE', 'N'], 'a ENEN', undefined],
  [['xyz', 'yz'], ['w xyz'], 'w ', 'xyz'],
  [['aab'], ['aa', 'ab'], 'a', 'aab'],
])('of an answer of MAX, what stop %j ends of %j is %j', async (stop, pieces, text, stoppedBy) => {
  const logprobs = { content: [{ token: 'a', logprob: -1 }] };
  const chunks = pieces.map((content) => delta({ role: 'assistant', content }, { logprobs }));
  const events = await eventsOf([...chunks, end('stop'), usage], { stop, logProbs: 0 }, max);
  const deltas = events.filter((event) => event.type === 'text-delta');
  expect(deltas.map((event) => event.text).join('')).toBe(text);
  expect(deltas.flatMap((event) => event.logProbs ?? [])).toHaveLength(pieces.length);
  const [finish] = events.filter((event) => event.type === 'finish');
  expect(finish?.reason).toBe('stop');
  expect(finish?.stoppedBy).toBe(stoppedBy);
});

it('a prompt without a template goes to text completions', async () => {
  const upstream = await fakeUpstream((response, _, { url }) => {
    writeChunks(response, { choices: [{ index: 0, text: url, finish_reason: 'stop' }] }, usage);
    response.end('data: [DONE]\n\n');
  });
  const model = await loadUpstreams([upstream.url]);
  const prompt = [{ type: 'text', text: 'Once' }] as const;
  const events = [];
  const request = generateRequest({ messages: [], prompt });
  for await (const event of model.generate(request, new AbortController().signal)) events.push(event);
  expect(events[1]).toMatchObject({ type: 'text-delta', text: '/v1/completions' });
  expect(upstream.bodies[0]).toMatchObject({ model: 'tiny', prompt: 'Once' });
});

it('what llama-server repeats of a turn that it continues is not part of the answer', async () => {
  const messages = [
    { role: 'user', content: [{ type: 'text', text: 'Go on' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'The number' }] },
  ] as const;
  const template = { variables: {}, addGenerationPrompt: false, continueFinalMessage: true };
  const chunks = [delta({ content: 'The nu' }), delta({ content: 'mber 3' }), end('stop'), usage];
  const events = await eventsOf(chunks, { messages, template }, { owner: 'llamacpp' });
  const texts = events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : []));
  expect(texts.join('')).toBe(' 3');
});

it('chunks that are cut anywhere, with comments and CRLF, are put together', async () => {
  const bytes = Buffer.from(
    [
      ': ping\r\n\r\n',
      `data: ${JSON.stringify(delta({ content: 'für 🦊' }))}\r\n\r\n`,
      `data:${JSON.stringify(end('stop'))}\r\n\r\n`,
      `data: ${JSON.stringify(usage)}\r\n\r\ndata: [DONE]\r\n\r\n`,
    ].join(''),
  );
  const upstream = await fakeUpstream(async (response) => {
    for (const byte of bytes) await new Promise((sent) => response.write(Buffer.of(byte), sent));
    response.end();
  });
  const model = await loadUpstreams([upstream.url]);
  const events = [];
  for await (const event of model.generate(generateRequest(), new AbortController().signal)) events.push(event);
  expect(events).toMatchObject([{ type: 'start' }, { text: 'für 🦊' }, { type: 'finish' }]);
});

it.each([
  ['no JSON', 'data: {"choices"\n\n'],
  ['not an object', 'data: null\n\n'],
  ['not a list of choices', 'data: {"choices":3}\n\n'],
  ['nothing', ''],
])('a stream of %s is an error, and no answer', async (_, text) => {
  const upstream = await fakeUpstream((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
  });
  const model = await loadUpstreams([upstream.url]);
  const events = model.generate(generateRequest(), new AbortController().signal);
  const error = await errorOf(async () => {
    for await (const _ of events);
  });
  expect(error).toMatchObject({ code: 'upstream_failed' });
});

it.each([
  [400, { error: { message: 'No.', type: 'invalid_request_error', param: 'top_p' } }, 'invalid_request', 'No.'],
  [400, { error: { message: 'No.', code: 'unsupported_parameter' } }, 'unsupported_parameter', 'No.'],
  [400, { error: { message: 'Long', type: 'exceed_context_size_error' } }, 'context_length_exceeded', 'Long'],
  [400, { object: 'error', message: 'maximum context length is 4' }, 'context_length_exceeded', /is 4/],
  [413, {}, 'request_too_large', /refuses the request \(HTTP 413\)/],
  [429, { error: { message: 'Busy' } }, 'at_capacity', /capacity/],
  [501, { error: { message: 'Never.' } }, 'unsupported_capability', 'Never.'],
  [401, { error: { message: 'key sk-secret' } }, 'upstream_failed', /does not accept the key/],
  [404, { error: { message: 'x' } }, 'upstream_failed', /does not have the model/],
  [500, { error: { message: 'stack' } }, 'upstream_failed', /HTTP 500/],
] as const)('HTTP %i %j becomes %s', async (status, body, code, message) => {
  const upstream = await fakeUpstream((response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const model = await loadUpstreams([upstream.url]);
  const events = model.generate(generateRequest(), new AbortController().signal)[Symbol.asyncIterator]();
  const error = await errorOf(() => events.next());
  expect(error).toMatchObject({
    code,
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  });
  if (code === 'upstream_failed') expect(String(error)).not.toMatch(/secret|stack|127\.0\.0\.1/);
});

it('an error in the middle of a stream ends it', async () => {
  const upstream = await fakeUpstream((response) => {
    writeChunks(response, delta({ content: 'a' }), { error: { message: 'CUDA out of memory' } });
    endChunks(response);
  });
  const model = await loadUpstreams([upstream.url]);
  const seen: string[] = [];
  const error = await errorOf(async () => {
    for await (const { type } of model.generate(generateRequest(), new AbortController().signal)) seen.push(type);
  });
  expect(seen).toEqual(['start', 'text-delta']);
  expect(error).toMatchObject({ code: 'upstream_failed', detail: expect.stringContaining('CUDA') as string });
});

it.each([
  [
    { message: 'regex parse error', type: 'BadRequestError', param: null, code: 400 },
    { code: 'invalid_request', message: 'regex parse error' },
  ],
  [
    { message: 'out of vocabulary', type: 'BadRequestError', param: 'logit_bias', code: 400 },
    { code: 'invalid_request', param: 'logit_bias' },
  ],
  [{ message: 'maximum context length is 4', code: 400 }, { code: 'context_length_exceeded' }],
  [{ message: 'Later.', code: '429' }, { code: 'at_capacity' }],
  [
    { message: 'No.', code: 'unsupported_parameter' },
    { code: 'unsupported_parameter', message: 'No.' },
  ],
  [{ message: 'No such model.', code: 404 }, { code: 'upstream_failed' }],
  [{ message: 'EngineCore is dead', type: 'InternalServerError', code: 500 }, { code: 'upstream_failed' }],
])('a stream that begins with the error %j is refused as a request is', async (error, told) => {
  const upstream = await fakeUpstream((response) => {
    writeChunks(response, { error });
    response.end('data: [DONE]\n\n');
  });
  const model = await loadUpstreams([upstream.url]);
  const events = model.generate(generateRequest(), new AbortController().signal)[Symbol.asyncIterator]();
  expect(await errorOf(() => events.next())).toMatchObject(told);
});
