/** OpenAI's JavaScript library at the Responses API, with a picture. */
import OpenAI, { BadRequestError } from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { fetchedPicture, model, picture, refused, require, run, url } from './checks.mjs';

const client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const input = [question(picture)];
const common = { model, input, max_output_tokens: 300, temperature: 0 };
const shape = z.object({ colour: z.enum(['red', 'green']), count: z.number().int().min(0).max(9) });
const lookAt = zodResponsesFunction({ name: 'look_at', parameters: z.object({ place: z.enum(['left', 'right']) }) });

function question(imageUrl) {
  const text = { type: 'input_text', text: 'What is shown?' };
  return { role: 'user', content: [{ type: 'input_image', image_url: imageUrl, detail: 'auto' }, text] };
}

await run({
  'the same, streamed and not': async () => {
    const response = await client.responses.create(common);
    const stream = client.responses.stream(common);
    require((await stream.finalResponse()).output_text === response.output_text, 'another text');
    require(response.output_text !== '' && response.usage.input_tokens > 0, 'no answer');
  },
  'a picture by its URL': async () => {
    const fetched = await client.responses.create({ ...common, input: [question(fetchedPicture())] });
    require(fetched.output_text === (await client.responses.create(common)).output_text, 'another text');
  },
  'parse with zod': async () => {
    const response = await client.responses.parse({ ...common, text: { format: zodTextFormat(shape, 'shape') } });
    shape.parse(response.output_parsed);
  },
  'a required call, and its result with a picture': async () => {
    const first = await client.responses.parse({ ...common, tools: [lookAt], tool_choice: 'required' });
    const calls = first.output.filter((item) => item.type === 'function_call');
    require(['left', 'right'].includes(calls[0].parsed_arguments.place), 'no place');
    const results = calls.map(({ call_id }) => ({
      type: 'function_call_output',
      call_id,
      output: [{ type: 'input_image', image_url: picture, detail: 'auto' }],
    }));
    const next = { ...common, tools: [lookAt], tool_choice: 'none' };
    const sent = await client.responses.create({ ...next, input: [...input, ...first.output, ...results] });
    const continued = await client.responses.create({ ...next, input: results, previous_response_id: first.id });
    require(sent.output_text === continued.output_text, 'another text');
  },
  'log probabilities': async () => {
    const response = await client.responses.create({
      ...common,
      include: ['message.output_text.logprobs'],
      top_logprobs: 2,
    });
    const [part] = response.output[0].content;
    require(part.logprobs
      .map(({ token }) => token)
      .join('')
      .trim() === part.text.trim(), 'not of the text');
  },
  'an error': async () => {
    const failure = await refused(client.responses.create({ ...common, input: [{ type: 'nothing' }] }));
    require(failure instanceof BadRequestError && failure.param === 'input[0].type', String(failure));
  },
});
