import { expect, it } from 'vitest';
import type { LoadedModel } from '../../src/backend/index.ts';
import { scriptedModel } from './support/scripted-model.ts';
import { serveModel } from './support/serve.ts';

const body = { messages: [{ role: 'user', content: 'hi' }], prompt: 'hi', max_tokens: 5 };

/** With a tokenizer whose tokens are characters. */
function withTokenizer(): LoadedModel & Pick<ReturnType<typeof scriptedModel>, 'requests'> {
  const model = scriptedModel({ text: 'x' });
  return {
    ...model,
    tokenize: (text) =>
      Promise.resolve(
        Array.from(text, (character) => ({ id: character.charCodeAt(0), bytes: Buffer.from(character) })),
      ),
  };
}

async function post(url: string, fields: object): Promise<{ status: number; error?: { code: string; param: string } }> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(fields) });
  return { status: response.status, ...((await response.json()) as object) };
}

it.each(['/v1/chat/completions', '/v1/completions', '/completion'])(
  'a bias of a text at %s is one of each of its tokens',
  async (path) => {
    const model = withTokenizer();
    const { url } = await serveModel(model);
    const { messages, prompt, max_tokens } = body;
    const asked = path.includes('chat') ? { messages, max_tokens } : { prompt, max_tokens };
    const answer = await post(url + path, {
      ...asked,
      logit_bias: [
        ['ab', -1.5],
        [7, 2],
        ['7', false],
      ],
    });
    expect(answer.status).toBe(200);
    expect(model.requests[0]?.sampling.logitBias).toEqual([
      { token: 7, bias: 2 },
      { token: 97, bias: -1.5 },
      { token: 98, bias: -1.5 },
      { token: 55, bias: -Infinity },
    ]);
  },
);

it('the biases of a token add up, however many texts have it', async () => {
  const model = withTokenizer();
  const { url } = await serveModel(model);
  const { messages } = body;
  const logit_bias = [
    ['a'.repeat(1000), 0.5],
    ['ba', -1],
    [97, 3],
    ['b', false],
  ];
  expect((await post(`${url}/v1/chat/completions`, { messages, logit_bias })).status).toBe(200);
  expect(model.requests[0]?.sampling.logitBias).toEqual([
    { token: 97, bias: 502 },
    { token: 98, bias: -Infinity },
  ]);
});

it('a bias of a text is refused by name where nothing can make tokens of it', async () => {
  const { url } = await serveModel(scriptedModel({ text: 'x' }));
  const { messages } = body;
  const answer = await post(`${url}/v1/chat/completions`, { messages, logit_bias: { hello: 1 } });
  expect(answer).toMatchObject({ status: 400, error: { code: 'unsupported_capability' } });
});
