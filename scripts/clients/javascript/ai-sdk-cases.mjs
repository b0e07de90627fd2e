/** What each of the AI SDK's providers is asked: texts, objects and tools about a picture, in one piece and streamed. */
import * as sdk from 'ai';
import { z } from 'zod';
import { fetchedPicture, picture, refused, require } from './checks.mjs';

const { generateText, Output, stepCountIs, streamText, tool } = sdk;
const schema = z.object({ colour: z.enum(['red', 'green']), count: z.number().int().min(0).max(9) });
const tools = {
  look_at: tool({
    description: 'Looks at a place.',
    inputSchema: z.object({ place: z.enum(['left', 'right']) }),
    execute: async ({ place }) => `a star on the ${place}`,
  }),
};
const prepareStep = ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' });

function question(image) {
  const text = { type: 'text', text: 'What is shown?' };
  return { role: 'user', content: [text, { type: 'image', image }] };
}

/** The checks of a provider; `modelOf` makes the one of a name. */
export function casesOf(modelOf, name) {
  const messages = [question(picture)];
  const common = { model: modelOf(name), messages, maxOutputTokens: 300, temperature: 0, maxRetries: 0 };
  const output = Output.object({ schema });
  return {
    text: async () => {
      const { text, usage, finishReason } = await generateText(common);
      require(text !== '' && usage.inputTokens > 0 && finishReason === 'stop', finishReason);
    },
    'text in a stream, the same as in one piece': async () => {
      const { text } = await generateText(common);
      const streamed = streamText(common);
      require((await streamed.text) === text, 'another text');
      require((await streamed.usage).inputTokens > 0, 'no usage');
    },
    'a picture by its URL': async () => {
      const image = new URL(fetchedPicture());
      const { text } = await generateText({ ...common, messages: [question(image)] });
      require(text === (await generateText(common)).text, 'another text');
    },
    'an answer that is cut': async () => {
      const { finishReason } = await generateText({ ...common, maxOutputTokens: 2 });
      require(finishReason === 'length', finishReason);
    },
    'an object': async () => schema.parse((await generateText({ ...common, output })).output),
    // Its older name of the same.
    generateObject: async () => {
      if (!('generateObject' in sdk)) return;
      schema.parse((await sdk.generateObject({ ...common, schema })).object);
    },
    'an object in a stream': async () => {
      const result = streamText({ ...common, output });
      for await (const _ of result.partialOutputStream);
      schema.parse(await result.output);
      require((await result.usage).inputTokens > 0, 'no usage');
    },
    'a second turn': async () => {
      const first = await generateText(common);
      const next = [...messages, ...first.response.messages, { role: 'user', content: 'What is shown?' }];
      const second = await generateText({ ...common, messages: next });
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
    'an error': async () => {
      const error = await refused(generateText({ ...common, model: modelOf('none') }));
      require(error.statusCode === 404 && error.message.includes('not served here'), error.message);
    },
  };
}
