/** Vercel's AI SDK with OpenAI's own provider, whose default is the Responses API: text, objects, tools, several turns. */
import { createOpenAI } from '@ai-sdk/openai';
import { generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { require, run } from './checks.mjs';
import { picture } from './picture.mjs';

const model = createOpenAI({ baseURL: process.argv[2], apiKey: 'none' })(process.argv[3]);
const messages = [
  {
    role: 'user',
    content: [
      { type: 'text', text: 'What is shown?' },
      { type: 'image', image: picture },
    ],
  },
];
const common = { model, messages, maxOutputTokens: 300, temperature: 0, maxRetries: 0 };
const schema = z.object({ colour: z.enum(['red', 'green']), count: z.number().int().min(0).max(9) });
const tools = {
  look_at: tool({
    description: 'Looks at a place.',
    inputSchema: z.object({ place: z.enum(['left', 'right']) }),
    execute: async ({ place }) => `a star on the ${place}`,
  }),
};

const prepareStep = ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' });

await run({
  generateText: async () => {
    const { text, usage, finishReason } = await generateText(common);
    require(text !== '' && usage.inputTokens > 0 && finishReason === 'stop', 'no answer');
  },
  'streamText, the same as in one piece': async () => {
    const { text } = await generateText(common);
    require((await streamText(common).text) === text, 'another text');
  },
  'an answer that is cut': async () => {
    const { finishReason } = await generateText({ ...common, maxOutputTokens: 2 });
    require(finishReason === 'length', finishReason);
  },
  generateObject: async () => schema.parse((await generateObject({ ...common, schema })).object),
  'a second turn, which refers to the first': async () => {
    const first = await generateText(common);
    const second = await generateText({
      ...common,
      messages: [...messages, ...first.response.messages, { role: 'user', content: 'What is shown?' }],
    });
    require(second.usage.inputTokens > first.usage.inputTokens, 'the first turn is lost');
  },
  'a required tool': async () => {
    const { toolCalls, toolResults } = await generateText({ ...common, tools, toolChoice: 'required' });
    require(toolCalls.length > 0 && toolResults.length === toolCalls.length, 'no call');
  },
  'a tool in a stream': async () => {
    const result = streamText({ ...common, tools, toolChoice: { type: 'tool', toolName: 'look_at' } });
    for await (const part of result.fullStream) if (part.type === 'error') throw part.error;
    require((await result.toolCalls)[0]?.toolName === 'look_at', 'no call');
  },
  'several steps': async () => {
    const { steps } = await generateText({ ...common, tools, prepareStep, stopWhen: stepCountIs(3) });
    require(steps.length === 2, `${steps.length} steps`);
  },
});
