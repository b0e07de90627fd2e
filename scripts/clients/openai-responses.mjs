/** OpenAI's JavaScript library and its Agents SDK at the Responses API, with a picture. */
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents';
import OpenAI, { BadRequestError } from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { require, run } from './checks.mjs';
import { picture } from './picture.mjs';

const [, , baseURL, model] = process.argv;
const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
const input = [
  {
    role: 'user',
    content: [
      { type: 'input_image', image_url: picture, detail: 'auto' },
      { type: 'input_text', text: 'What is shown?' },
    ],
  },
];
const common = { model, input, max_output_tokens: 300, temperature: 0 };
const shape = z.object({ colour: z.enum(['red', 'green']), count: z.number().int().min(0).max(9) });
const lookAt = zodResponsesFunction({ name: 'look_at', parameters: z.object({ place: z.enum(['left', 'right']) }) });

setTracingDisabled(true);
const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient: client, useResponses: true }) });
const modelSettings = { temperature: 0, maxTokens: 300 };
const agentTool = tool({
  name: 'look_at',
  description: 'Looks at a place.',
  parameters: z.object({ place: z.enum(['left', 'right']) }),
  execute: async ({ place }) => `a star on the ${place}`,
});
const agentInput = [
  {
    role: 'user',
    content: [
      { type: 'input_image', image: picture },
      { type: 'input_text', text: 'What is shown?' },
    ],
  },
];

await run({
  'the same, streamed and not': async () => {
    const response = await client.responses.create(common);
    const stream = client.responses.stream(common);
    require((await stream.finalResponse()).output_text === response.output_text, 'another text');
    require(response.output_text !== '' && response.usage.input_tokens > 0, 'no answer');
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
    const failure = await client.responses.create({ ...common, input: [{ type: 'nothing' }] }).catch((error) => error);
    require(failure instanceof BadRequestError && failure.param === 'input[0].type', String(failure));
  },
  'an agent': async () => {
    const result = await runner.run(new Agent({ name: 'a', model, modelSettings }), agentInput);
    require(result.finalOutput !== '', 'no answer');
  },
  'an agent with a schema, streamed': async () => {
    const agent = new Agent({ name: 'a', model, modelSettings, outputType: shape });
    const result = await runner.run(agent, agentInput, { stream: true });
    await result.completed;
    shape.parse(result.finalOutput);
  },
  'an agent with a tool': async () => {
    const agent = new Agent({
      name: 'a',
      model,
      modelSettings: { ...modelSettings, toolChoice: 'required' },
      tools: [agentTool],
    });
    const { newItems } = await runner.run(agent, agentInput, { maxTurns: 3 });
    require(newItems.some(({ type }) => type === 'tool_call_output_item'), 'no result');
  },
});
