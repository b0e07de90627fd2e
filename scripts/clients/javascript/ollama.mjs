/** Ollama's JavaScript library: chats and prompts about a picture, schemas, tools, embeddings, and what the model is. */
import { Ollama } from 'ollama';
import { model, origin, picture, refused, require, run } from './checks.mjs';

const client = new Ollama({ host: origin });
const images = [picture.split(',')[1]];
const options = { temperature: 0, num_predict: 300 };
const messages = [{ role: 'user', content: 'What is shown?', images }];
const common = { model, messages, options };
const format = { type: 'object', properties: { red: { type: 'boolean' } }, required: ['red'] };
const tools = [
  {
    type: 'function',
    function: {
      name: 'look_at',
      description: 'Looks at a place.',
      parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
    },
  },
];

async function all(stream) {
  const parts = [];
  for await (const part of await stream) parts.push(part);
  return parts;
}

await run({
  'a chat, and the same from a stream': async () => {
    const { message, done_reason: reason, eval_count: count } = await client.chat(common);
    require(message.content !== '' && reason === 'stop' && count > 0, reason);
    const parts = await all(client.chat({ ...common, stream: true }));
    require(parts.map((part) => part.message.content).join('') === message.content, 'another text');
    require(parts.at(-1).done && parts.at(-1).prompt_eval_count > 0, 'no counts');
  },
  'a prompt, and the same from a stream': async () => {
    const prompt = { model, prompt: 'What is shown?', images, options };
    const { response } = await client.generate(prompt);
    const parts = await all(client.generate({ ...prompt, stream: true }));
    require(parts.map((part) => part.response).join('') === response, 'another text');
  },
  'a schema': async () => {
    const { message } = await client.chat({ ...common, format });
    require(typeof JSON.parse(message.content).red === 'boolean', message.content);
  },
  'a call and its result': async () => {
    require((await client.chat({ ...common, tools })).done, 'not done');
    const call = { function: { name: 'look_at', arguments: { place: 'left' } } };
    const asked = { role: 'assistant', content: '', tool_calls: [call] };
    const result = { role: 'tool', content: 'a star', tool_name: 'look_at' };
    require((await client.chat({ ...common, tools, messages: [...messages, asked, result] })).done, 'not done');
  },
  embeddings: async () => {
    const { embeddings } = await client.embed({ model, input: ['a red star', 'a green square'] });
    require(embeddings.length === 2 && embeddings[1].length > 0, 'no vectors');
  },
  'what the model is': async () => {
    const [listed] = (await client.list()).models;
    require((await client.ps()).models[0].name === listed.name, 'another model');
    require((await client.show({ model: listed.name })).capabilities.includes('vision'), 'no vision');
  },
  'a stream that is ended': async () => {
    const stream = await client.chat({ ...common, options: { ...options, num_predict: 1000 }, stream: true });
    stream.abort();
    const error = await refused(all(stream));
    require(error.name === 'AbortError', String(error));
  },
  'an error': async () => {
    const error = await refused(client.chat({ ...common, model: 'none' }));
    require(error.status_code === 404 && error.message !== '', String(error));
  },
});
