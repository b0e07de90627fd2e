/** Vercel's AI SDK with Anthropic's provider: text, objects and tool calls, with a picture. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { generateObject, generateText, stepCountIs, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';
import { require, run } from './checks.mjs';
import { picture } from './picture.mjs';

const model = createAnthropic({ baseURL: process.argv[2], apiKey: 'none' })(process.argv[3]);
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

await run({
  'generateText, and the same from a stream': async () => {
    const { text, finishReason, usage } = await generateText(common);
    require(text !== '' && finishReason === 'stop' && usage.inputTokens > 0, finishReason);
    require((await streamText(common).text) === text, 'another text');
  },
  generateObject: async () => schema.parse((await generateObject({ ...common, schema })).object),
  streamObject: async () => {
    const result = streamObject({ ...common, schema });
    for await (const _ of result.partialObjectStream);
    schema.parse(await result.object);
    require((await result.usage).inputTokens > 0, 'no usage');
  },
  'generateText with a required tool': async () => {
    const { toolCalls, toolResults } = await generateText({ ...common, tools, toolChoice: 'required' });
    require(toolCalls.length > 0 && toolResults.length === toolCalls.length, 'no call');
  },
  'streamText with a tool': async () => {
    const result = streamText({ ...common, tools, toolChoice: { type: 'tool', toolName: 'look_at' } });
    for await (const part of result.fullStream) if (part.type === 'error') throw part.error;
    require((await result.toolCalls)[0]?.toolName === 'look_at', 'no call');
  },
  'generateText in several steps': async () => {
    await generateText({ ...common, tools, stopWhen: stepCountIs(3) });
  },
});
