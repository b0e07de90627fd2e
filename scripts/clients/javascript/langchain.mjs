/** LangChain in JavaScript: `withStructuredOutput` and `bindTools`, with a picture. */
import { HumanMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { fetchedPicture, model as modelName, picture, refused, require, run, url } from './checks.mjs';

const configuration = { baseURL: url };
const settings = {
  configuration,
  model: modelName,
  apiKey: 'none',
  temperature: 0,
  maxTokens: 300,
  maxRetries: 0,
};
const model = new ChatOpenAI(settings);
const message = question(picture);
const schema = z.object({ colour: z.enum(['red', 'green']), count: z.number().int().min(0).max(9) });
const lookAt = tool(({ place }) => `a star on the ${place}`, {
  name: 'look_at',
  description: 'Looks at a place.',
  schema: z.object({ place: z.enum(['left', 'right']) }),
});

function question(imageUrl) {
  const text = { type: 'text', text: 'What is shown?' };
  return new HumanMessage({ content: [text, { type: 'image_url', image_url: { url: imageUrl } }] });
}

await run({
  'invoke, and the same from a stream': async () => {
    const { text, usage_metadata: usage } = await model.invoke([message]);
    let streamed = '';
    for await (const piece of await model.stream([message])) streamed += piece.text;
    require(text !== '' && streamed === text && usage.input_tokens > 0, 'another text');
  },
  'a picture by its URL': async () => {
    const { text } = await model.invoke([question(fetchedPicture())]);
    require(text === (await model.invoke([message])).text, 'another text');
  },
  embeddings: async () => {
    const embeddings = new OpenAIEmbeddings({ configuration, model: modelName, apiKey: 'none', maxRetries: 0 });
    const vectors = await embeddings.embedDocuments(['a red star', 'a green square']);
    require(vectors.length === 2 && vectors[0].length > 0, 'no vectors');
  },
  'an error': async () => {
    const error = await refused(new ChatOpenAI({ ...settings, model: 'none' }).invoke([message]));
    require(error.status === 404, String(error));
  },
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
