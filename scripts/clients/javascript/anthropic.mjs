/** Anthropic's JavaScript library: messages, streams, schemas, tools and counts, about a picture. */
import Anthropic, { BadRequestError, NotFoundError } from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { z } from 'zod';
import { fetchedPicture, model, origin, picture, refused, require, run } from './checks.mjs';

const client = new Anthropic({ baseURL: origin, apiKey: 'none', maxRetries: 0 });
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture.split(',')[1] } };
const messages = [{ role: 'user', content: [image, { type: 'text', text: 'What is shown?' }] }];
const common = { model, max_tokens: 300, temperature: 0, messages };
// The library sends no bounds of numbers, but checks them.
const shape = z.object({ colour: z.enum(['red', 'green', 'blue']), isRound: z.boolean() });
const input = z.object({ place: z.enum(['left', 'right']) });
const lookAt = betaZodTool({
  name: 'look_at',
  description: 'Looks at a place.',
  inputSchema: input,
  run: ({ place }) => [{ type: 'text', text: `a star on the ${place}` }, image],
});
const tools = [{ name: 'look_at', description: 'Looks at a place.', input_schema: z.toJSONSchema(input) }];

async function textOf(body) {
  const { content } = await client.messages.create(body);
  return content.map(({ text = '' }) => text).join('');
}

await run({
  'a message, and the same from a stream': async () => {
    const text = await textOf(common);
    require(text !== '' && (await client.messages.stream(common).finalText()) === text, 'another text');
  },
  'a picture by its URL': async () => {
    const source = { type: 'url', url: fetchedPicture() };
    const fetched = { role: 'user', content: [{ type: 'image', source }, messages[0].content[1]] };
    require((await textOf({ ...common, messages: [fetched] })) === (await textOf(common)), 'another text');
  },
  'an answer that is begun': async () => {
    const begun = { role: 'assistant', content: 'A red' };
    require((await textOf({ ...common, messages: [...messages, begun] })) !== '', 'no text');
  },
  'parse with zod': async () => {
    const message = await client.messages.parse({ ...common, output_config: { format: zodOutputFormat(shape) } });
    shape.parse(message.parsed_output);
  },
  'parse a stream with zod': async () => {
    const stream = client.messages.stream({ ...common, output_config: { format: zodOutputFormat(shape) } });
    shape.parse((await stream.finalMessage()).parsed_output);
  },
  'a named call in a stream': async () => {
    const stream = client.messages.stream({ ...common, tools, tool_choice: { type: 'tool', name: 'look_at' } });
    const { content, stop_reason } = await stream.finalMessage();
    input.parse(content.find(({ type }) => type === 'tool_use').input);
    require(stop_reason === 'tool_use', stop_reason);
  },
  'the runner of tools, with a picture as a result': async () => {
    const runner = client.beta.messages.toolRunner({ ...common, tools: [lookAt], max_iterations: 2 });
    require((await runner.runUntilDone()).role === 'assistant', 'no answer');
  },
  'a count': async () => {
    const { input_tokens } = await client.messages.countTokens({ model, messages });
    const { usage } = await client.messages.create({ ...common, max_tokens: 1 });
    require(input_tokens === usage.input_tokens + usage.cache_read_input_tokens, 'another count');
  },
  models: async () => {
    const { data } = await client.models.list();
    require(data[0].id === model && (await client.models.retrieve(model)).type === 'model', 'another model');
  },
  errors: async () => {
    const bad = await refused(client.messages.create({ ...common, max_tokens: 0 }));
    require(bad instanceof BadRequestError && bad.type === 'invalid_request_error', String(bad));
    require(bad.requestID !== null, 'no id');
    const missing = await refused(client.messages.create({ ...common, model: 'none' }));
    require(missing instanceof NotFoundError, String(missing));
  },
});
