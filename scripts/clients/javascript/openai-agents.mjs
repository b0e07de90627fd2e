/** OpenAI's Agents SDK in JavaScript: agents about a picture, at the Responses API and with chat completions. */
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';
import { model, picture, refused, require, run, url } from './checks.mjs';

const shape = z.object({ colour: z.enum(['red', 'green']), count: z.number().int().min(0).max(9) });
setTracingDisabled(true);
const openAIClient = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const [runner, chatRunner] = [true, false].map(
  (useResponses) => new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses }) }),
);
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
  'an agent with chat completions': async () => {
    const result = await chatRunner.run(new Agent({ name: 'a', model, modelSettings }), agentInput);
    require(result.finalOutput !== '', 'no answer');
  },
  'an error': async () => {
    const error = await refused(runner.run(new Agent({ name: 'a', model: 'none', modelSettings }), agentInput));
    require(error.status === 404, String(error));
  },
});
