/** LangChain in JavaScript: `withStructuredOutput` and `bindTools`, with a picture. */
import { HumanMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { require, run } from './checks.mjs';
import { picture } from './picture.mjs';

const configuration = { baseURL: process.argv[2] };
const settings = {
  configuration,
  model: process.argv[3],
  apiKey: 'none',
  temperature: 0,
  maxTokens: 300,
  maxRetries: 0,
};
const model = new ChatOpenAI(settings);
const message = new HumanMessage({
  content: [
    { type: 'text', text: 'What is shown?' },
    { type: 'image_url', image_url: { url: picture } },
  ],
});
const schema = z.object({ colour: z.enum(['red', 'green']), count: z.number().int().min(0).max(9) });
const lookAt = tool(({ place }) => `a star on the ${place}`, {
  name: 'look_at',
  description: 'Looks at a place.',
  schema: z.object({ place: z.enum(['left', 'right']) }),
});

await run({
  ...Object.fromEntries(
    ['jsonSchema', 'functionCalling'].map((method) => [
      `withStructuredOutput, ${method}`,
      async () => schema.parse(await model.withStructuredOutput(schema, { method, name: 'shape' }).invoke([message])),
    ]),
  ),
  bindTools: async () => {
    const answer = await model.bindTools([lookAt], { tool_choice: 'any' }).invoke([message]);
    require(answer.tool_calls[0]?.name === 'look_at', 'no call');
    const result = await lookAt.invoke(answer.tool_calls[0]);
    await model.bindTools([lookAt], { tool_choice: 'none' }).invoke([message, answer, result]);
  },
  'bindTools in a stream': async () => {
    let all;
    for await (const piece of await model.bindTools([lookAt], { tool_choice: 'look_at' }).stream([message])) {
      all = all === undefined ? piece : all.concat(piece);
    }
    require(['left', 'right'].includes(all.tool_calls[0]?.args.place), 'no call');
  },
  'the Responses API, as n8n asks for it': async () => {
    const responses = new ChatOpenAI({ ...settings, useResponsesApi: true });
    let text = '';
    for await (const piece of await responses.stream([message])) text += piece.text;
    require(text !== '' && text === (await responses.invoke([message])).text, 'another text');
    const answer = await responses.bindTools([lookAt], { tool_choice: 'look_at' }).invoke([message]);
    const result = await lookAt.invoke(answer.tool_calls[0]);
    await responses.bindTools([lookAt], { tool_choice: 'none' }).invoke([message, answer, result]);
  },
});
