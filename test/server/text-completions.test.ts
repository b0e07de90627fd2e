import { InternalServerError } from 'openai';
import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import { scriptedModel } from './support/scripted-model.ts';
import { serve, serveModel } from './support/serve.ts';

describe("OpenAI's client", () => {
  it('completes a prompt', async () => {
    const { client, generateRequests } = await serve();
    const completion = await client.completions.create({ model: '', prompt: 'one two three', max_tokens: 2 });
    expect(completion).toMatchObject({ object: 'text_completion', usage: { prompt_tokens: 3, completion_tokens: 2 } });
    expect(completion.choices).toEqual([{ index: 0, text: 'one two ', logprobs: null, finish_reason: 'length' }]);
    expect(generateRequests[0]).toMatchObject({ messages: [], prompt: [{ type: 'text', text: 'one two three' }] });
  });

  it('completes several prompts at a time, streamed', async () => {
    const { client } = await serve();
    const body = { model: '', prompt: ['a b ', 'c d'], n: 1, echo: true, stream_options: { include_usage: true } };
    const texts = ['', ''];
    let usage;
    for await (const chunk of await client.completions.create({ ...body, stream: true })) {
      for (const { index, text } of chunk.choices) texts[index] += text;
      usage = chunk.usage ?? usage;
    }
    expect(texts).toEqual(['a b a b ', 'c dc d']);
    expect(usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 });
  });

  it('gets answers in the order of the prompts, whichever is done first', async () => {
    const first = new Gate();
    let begun = 0;
    const { client } = await serve({
      maxBatchSize: 2,
      beforeStart: () => {
        begun += 1;
        if (begun === 1) return first.opened;
        first.open();
        return undefined;
      },
    });
    const { choices } = await client.completions.create({ model: '', prompt: ['a', 'b', 'c'] });
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ]);
  });

  it('is told what failed, and the other prompts of the request end', async () => {
    const never = new Gate();
    const ended: unknown[] = [];
    let begun = 0;
    const { client } = await serve({
      maxBatchSize: 2,
      beforeDelta: () => {
        begun += 1;
        if (begun === 1) return never.opened;
        throw new Error('lost');
      },
      onEndEarly: (reason) => ended.push(reason),
    });
    const completion = client.completions.create({ model: '', prompt: ['a', 'b'] });
    await expect(completion).rejects.toBeInstanceOf(InternalServerError);
    expect(ended).toHaveLength(2);
  });

  it('names the field that is wrong', async () => {
    const { client } = await serve();
    const tooLong = client.completions.create({ model: '', prompt: 'a', suffix: 'b' });
    await expect(tooLong).rejects.toMatchObject({ status: 400, param: 'suffix', code: 'unsupported_parameter' });
    const noLogProbs = client.completions.create({ model: '', prompt: 'a', logprobs: 1 });
    await expect(noLogProbs).rejects.toMatchObject({ status: 400, param: 'logprobs', code: 'unsupported_capability' });
    const { client: chatOnly } = await serve({ info: { capabilities: { vision: true } } });
    const raw = chatOnly.completions.create({ model: '', prompt: 'a' });
    await expect(raw).rejects.toMatchObject({ status: 400, param: 'prompt', code: 'unsupported_capability' });
  });

  it('gets the log probabilities of the answer', async () => {
    const model = scriptedModel({ text: 'one two' });
    const raw = { ...model, info: { ...model.info, capabilities: { ...model.info.capabilities, rawPrompts: true } } };
    const { client } = await serveModel(raw);
    const { choices } = await client.completions.create({ model: '', prompt: 'a', logprobs: 1 });
    expect(choices[0]?.logprobs).toMatchObject({
      tokens: ['one ', 'two'],
      token_logprobs: [-1, -2],
      text_offset: [0, 4],
    });
  });
});

async function post(url: string, body: object): Promise<string> {
  return (await fetch(`${url}/completion`, { method: 'POST', body: JSON.stringify(body) })).text();
}

describe("llama-server's completion", () => {
  it('continues a text until its end, where no limit is given', async () => {
    const { url } = await serve();
    const answer = JSON.parse(await post(url, { prompt: 'one two three', cache_prompt: true })) as object;
    expect(answer).toMatchObject({ content: 'one two three', stop: true, stop_type: 'eos', tokens_evaluated: 3 });
    const short = JSON.parse(await post(url, { prompt: 'one two three', n_predict: 1 })) as object;
    expect(short).toMatchObject({ content: 'one ', stop_type: 'limit', tokens_predicted: 1 });
    const none = JSON.parse(await post(url, { prompt: 'one two three', n_predict: 0 })) as object;
    expect(none).toMatchObject({ content: '', tokens_predicted: 0, tokens_evaluated: 3 });
  });

  it('is the same streamed', async () => {
    const { url } = await serve();
    const text = await post(url, { prompt: ['one two', 'three'], stream: true });
    const events = text.trim().split('\n\n');
    const pieces = events.map(
      (event) => JSON.parse(event.slice('data: '.length)) as { index: number; content: string },
    );
    const contentOf = (index: number) => pieces.filter((piece) => piece.index === index).map(({ content }) => content);
    expect([contentOf(0).join(''), contentOf(1).join('')]).toEqual(['one two', 'three']);
    expect(pieces.filter((piece) => 'stop_type' in piece)).toHaveLength(2);
  });
});
