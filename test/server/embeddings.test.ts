import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { scriptedModel } from './support/scripted-model.ts';
import { serve, serveModel } from './support/serve.ts';

const lengthOf = (vector: readonly number[]): number => Math.hypot(...vector);

describe("OpenAI's client", () => {
  it('gets a vector of unit length for each input, in their order', async () => {
    const { client } = await serve();
    const { data, usage } = await client.embeddings.create({ model: '', input: ['a b', 'c', 'a b'] });
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(data[2]?.embedding).toEqual(data[0]?.embedding);
    expect(data[1]?.embedding).not.toEqual(data[0]?.embedding);
    for (const { embedding } of data) expect(lengthOf(embedding)).toBeCloseTo(1);
    expect(usage).toEqual({ prompt_tokens: 5, total_tokens: 5 });
  });

  it('gets the same in base64, which it asks for by itself, as in numbers', async () => {
    const { client } = await serve();
    const inBase64 = await client.embeddings.create({ model: '', input: 'a b' });
    const inNumbers = await client.embeddings.create({ model: '', input: 'a b', encoding_format: 'float' });
    expect([...(inBase64.data[0]?.embedding ?? [])]).toEqual(inNumbers.data[0]?.embedding);
  });

  it('gets the first dimensions, of unit length again', async () => {
    const { client } = await serve();
    const body = { model: '', input: 'a b', encoding_format: 'float' } as const;
    const whole = (await client.embeddings.create(body)).data[0]?.embedding ?? [];
    const short = (await client.embeddings.create({ ...body, dimensions: 3 })).data[0]?.embedding ?? [];
    expect(short).toHaveLength(3);
    expect(lengthOf(short)).toBeCloseTo(1);
    expect((short[0] ?? 0) / (short[1] ?? 0)).toBeCloseTo((whole[0] ?? 0) / (whole[1] ?? 0));
    const tooMany = client.embeddings.create({ ...body, dimensions: 9 });
    await expect(tooMany).rejects.toMatchObject({ status: 400, param: 'dimensions' });
  });

  it('may send tokens', async () => {
    const { client, url } = await serve();
    const { data } = await client.embeddings.create({ model: '', input: 'a b' });
    const response = await fetch(`${url}/tokenize`, { method: 'POST', body: JSON.stringify({ content: 'a b' }) });
    const { tokens } = (await response.json()) as { tokens: number[] };
    for (const input of [tokens, [tokens]]) {
      const again = await client.embeddings.create({ model: '', input });
      expect(again.data).toEqual(data);
    }
  });

  it('may send tokens and texts in one list, as llama-server takes them', async () => {
    const { url } = await serve();
    const tokenize = await fetch(`${url}/tokenize`, { method: 'POST', body: JSON.stringify({ content: 'a b' }) });
    const { tokens } = (await tokenize.json()) as { tokens: number[] };
    const countsOf = async (input: unknown): Promise<number[]> => {
      const response = await fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ input }) });
      const { data, usage } = (await response.json()) as { data: unknown[]; usage: { prompt_tokens: number } };
      return [data.length, usage.prompt_tokens];
    };
    const [, apart = 0] = await countsOf([tokens, 'c']);
    expect(await countsOf([...tokens, 'c'])).toEqual([1, apart]);
    expect(await countsOf([tokens, [...tokens, 'c']])).toEqual([2, apart + tokens.length]);
  });

  it.each([
    ['input', {}],
    ['input[1][1]', { input: ['a', [1, {}]] }],
    ['input', { input: [] }],
    ['input[1]', { input: ['a', []] }],
    ['encoding_format', { input: 'a', encoding_format: 'int8' }],
    ['normalize', { input: 'a', normalize: false }],
    ['model', { input: 'a', model: 'another' }],
  ])('is refused for its %s', async (param, body) => {
    const { url } = await serve();
    const response = await fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify(body) });
    expect(await response.json()).toMatchObject({ error: { param } });
    expect(response.ok).toBe(false);
  });

  it('is told that a model does not embed', async () => {
    const { client } = await serveModel(scriptedModel({ text: 'A.' }));
    const embeddings = client.embeddings.create({ model: '', input: 'a' });
    await expect(embeddings).rejects.toMatchObject({ status: 400, code: 'unsupported_capability' });
  });
});

describe('a conversation', () => {
  it('is embedded with its images', async () => {
    const { url } = await serve();
    const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: '#ff0000' } })
      .png()
      .toBuffer();
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${png.toString('base64')}` } };
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'a b' }, image] }];
    const response = await fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ messages }) });
    const answer = (await response.json()) as { data: unknown[]; usage: object };
    expect(answer.data).toHaveLength(1);
    // The image is one token here.
    expect(answer.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });
});
