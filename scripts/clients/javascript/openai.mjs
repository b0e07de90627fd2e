/** OpenAI's JavaScript library: schemas, tools and several answers about a picture, in one piece and streamed. */
import OpenAI, { NotFoundError } from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { fetchedPicture, model, picture, refused, require, run, url } from './checks.mjs';

const client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const messages = [question(picture)];
const common = { model, messages, max_completion_tokens: 300, temperature: 0 };
const shape = z.object({
  colour: z.enum(['red', 'green', 'blue']),
  kind: z.enum(['square', 'star']),
  count: z.number().int().min(0).max(9),
});
const lookAt = zodFunction({
  name: 'look_at',
  parameters: z.object({ place: z.enum(['left', 'right']) }),
  function: ({ place }) => `a star on the ${place}`,
});

function question(imageUrl) {
  const text = { type: 'text', text: 'What is shown?' };
  return { role: 'user', content: [{ type: 'image_url', image_url: { url: imageUrl } }, text] };
}

async function textOf(body) {
  const { choices } = await client.chat.completions.create(body);
  return choices[0].message.content;
}

await run({
  'a completion, and the same from a stream': async () => {
    const text = await textOf(common);
    const stream = client.chat.completions.stream({ ...common, stream_options: { include_usage: true } });
    require(text !== '' && (await stream.finalContent()) === text, 'another text');
    require((await stream.totalUsage()).prompt_tokens > 0, 'no usage');
  },
  'a picture by its URL': async () => {
    const fetched = await textOf({ ...common, messages: [question(fetchedPicture())] });
    require(fetched === (await textOf(common)), 'another text');
  },
  'parse with zod': async () => {
    const completion = await client.chat.completions.parse({
      ...common,
      response_format: zodResponseFormat(shape, 'shape'),
    });
    shape.parse(completion.choices[0].message.parsed);
  },
  'parse a stream with zod': async () => {
    const stream = client.chat.completions.stream({ ...common, response_format: zodResponseFormat(shape, 'shape') });
    shape.parse((await stream.finalChatCompletion()).choices[0].message.parsed);
  },
  'a required call': async () => {
    const { choices } = await client.chat.completions.parse({ ...common, tools: [lookAt], tool_choice: 'required' });
    const [call] = choices[0].message.tool_calls;
    require(['left', 'right'].includes(call.function.parsed_arguments.place), 'no place');
    require(choices[0].finish_reason === 'tool_calls', choices[0].finish_reason);
  },
  'a named call in a stream': async () => {
    const choice = { type: 'function', function: { name: 'look_at' } };
    const stream = client.chat.completions.stream({ ...common, tools: [lookAt], tool_choice: choice });
    const { choices } = await stream.finalChatCompletion();
    require(choices[0].message.tool_calls[0].function.name === 'look_at', 'another function');
  },
  'a result with a picture': async () => {
    const { choices } = await client.chat.completions.create({ ...common, tools: [lookAt], tool_choice: 'required' });
    const { message } = choices[0];
    const results = message.tool_calls.map(({ id }) => ({
      role: 'tool',
      tool_call_id: id,
      content: [
        { type: 'text', text: 'here it is' },
        { type: 'image_url', image_url: { url: picture } },
      ],
    }));
    const next = await client.chat.completions.create({
      ...common,
      messages: [...messages, message, ...results],
      tools: [lookAt],
      tool_choice: 'none',
    });
    require(typeof next.choices[0].message.content === 'string', 'no text');
  },
  'the runner of tools': async () => {
    const runner = client.chat.completions.runTools({ ...common, tools: [lookAt] }, { maxChatCompletions: 3 });
    await runner.done();
  },
  'several answers, with log probabilities': async () => {
    const { choices, usage } = await client.chat.completions.create({
      ...common,
      n: 3,
      temperature: 1,
      seed: 1,
      logprobs: true,
      top_logprobs: 2,
    });
    require(choices.length === 3, 'not three');
    for (const { logprobs } of choices)
      require(logprobs.content.every(({ top_logprobs: top }) => top.length === 2), 'not two');
    require(usage.completion_tokens >= 3, 'not summed');
  },
  embeddings: async () => {
    const { data } = await client.embeddings.create({ model, input: ['a red star', 'a green square'] });
    require(data.length === 2 && data[1].embedding.length > 0, 'no vectors');
  },
  models: async () => {
    const { data } = await client.models.list();
    require((await client.models.retrieve(data[0].id)).id === data[0].id, 'another model');
  },
  'an error': async () => {
    const error = await refused(client.chat.completions.create({ ...common, model: 'none' }));
    require(error instanceof NotFoundError && error.code === 'model_not_found', String(error));
    require(error.requestID !== null, 'no id');
  },
});
