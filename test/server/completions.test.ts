import { describe, expect, it } from 'vitest';
import { GENERATION_DEFAULTS, SAMPLING_DEFAULTS } from '../../src/api/request-defaults.ts';
import { chatBody, send } from './support/http.ts';
import { modelName, serve } from './support/serve.ts';

const hello = [{ role: 'user', content: 'Hello there world' }] as const;

describe('a chat completion', () => {
  it("is OpenAI's, for OpenAI's client", async () => {
    const before = Math.floor(Date.now() / 1000);
    const { client } = await serve();
    const completion = await client.chat.completions.create({ model: modelName, messages: [...hello] });
    expect(completion).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/) as string,
      object: 'chat.completion',
      created: expect.any(Number) as number,
      model: modelName,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there world', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 3,
        total_tokens: 6,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
      system_fingerprint: 'vserve-1.2.3',
      timings: expect.objectContaining({ cache_n: 0, prompt_n: 3, predicted_n: 3 }) as object,
    });
    expect(completion.created).toBeGreaterThanOrEqual(before);
    expect(completion.created).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('ends at max_tokens, counting one token right', async () => {
    const { client } = await serve();
    const { choices, usage } = await client.chat.completions.create({ model: '', messages: [...hello], max_tokens: 1 });
    expect(choices[0]).toMatchObject({ message: { content: 'Hello ' }, finish_reason: 'length' });
    expect(usage).toMatchObject({ completion_tokens: 1, total_tokens: 4 });
  });

  it('ends before a stop string', async () => {
    const { client } = await serve();
    const { choices } = await client.chat.completions.create({ model: '', messages: [...hello], stop: ' wor' });
    expect(choices[0]).toMatchObject({ message: { content: 'Hello there' }, finish_reason: 'stop' });
  });

  it.each([{}, { model: '' }, { model: null }, { model: modelName }])(
    'is of the served model with %j',
    async (fields) => {
      const { url } = await serve();
      const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody('hi', fields) });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
      expect(JSON.parse(answer.text)).toMatchObject({ model: modelName });
    },
  );

  it('has an id of its own', async () => {
    const { client } = await serve();
    const ask = () => client.chat.completions.create({ model: '', messages: [...hello] });
    const ids = (await Promise.all([ask(), ask(), ask()])).map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
  });
});

describe('the backend', () => {
  it('gets what the request says, then what the model says, then what max serve says', async () => {
    const { client, generateRequests } = await serve({ info: { samplingDefaults: { temperature: 0.6, topK: 64 } } });
    await client.chat.completions.create({
      model: '',
      messages: [{ role: 'developer', content: 'Be brief.' }, ...hello],
      temperature: 0,
      seed: 0,
      max_completion_tokens: 9,
      stop: ['END'],
    });
    expect(generateRequests).toEqual([
      {
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
          { role: 'user', content: [{ type: 'text', text: 'Hello there world' }] },
        ],
        sampling: {
          ...SAMPLING_DEFAULTS,
          temperature: 0,
          topK: 64,
          seed: 0,
          // Samplers that this backend lacks are off, and not named to it.
          samplers: ['penalties', 'temperature', 'topK', 'topP', 'minP'],
        },
        ...GENERATION_DEFAULTS,
        askedSampling: { temperature: 0, topK: 64, seed: 0 },
        maxTokens: 9,
        template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
        stop: ['END'],
        client: [expect.any(String), expect.any(String), expect.any(String)],
      },
    ]);
  });

  it('can tell clients apart, without what identifies them', async () => {
    const { url, generateRequests } = await serve();
    for (const key of ['key-a', 'key-b', 'key-a']) {
      const headers = { authorization: `Bearer ${key}`, 'user-agent': 'agent' };
      await send(`${url}/v1/chat/completions`, { method: 'POST', headers, body: chatBody('hi') });
    }
    const [a, b, again] = generateRequests.map(({ client }) => client ?? []);
    expect(again).toEqual(a);
    expect([b?.[0], b?.[2]]).toEqual([a?.[0], a?.[2]]);
    expect(b?.[1]).not.toBe(a?.[1]);
    expect(JSON.stringify(a)).not.toMatch(/127\.0\.0\.1|key-a|agent/);
  });

  it('gets fields that nobody knows past the check only where the server allows them', async () => {
    const body = chatBody('hi', { temprature: 1 });
    const statusOf = async (allowExtraRequestFields: boolean) => {
      const { url } = await serve({ settings: { allowExtraRequestFields } });
      return (await send(`${url}/v1/chat/completions`, { method: 'POST', body })).status;
    };
    expect([await statusOf(false), await statusOf(true)]).toEqual([400, 200]);
  });
});
