/** promptfoo: an evaluation with OpenAI's and Anthropic's providers, about a picture. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment, folder, model, origin, picture, require, run, url } from './checks.mjs';

const text = 'What is shown?';
const prompts = {
  chat: [
    { type: 'text', text },
    { type: 'image_url', image_url: { url: picture } },
  ],
  responses: [
    { type: 'input_text', text },
    { type: 'input_image', image_url: picture, detail: 'auto' },
  ],
  messages: [
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture.split(',')[1] } },
    { type: 'text', text },
  ],
};
const schema = {
  type: 'object',
  properties: { colour: { enum: ['red', 'green'] }, count: { type: 'integer', minimum: 0, maximum: 9 } },
  required: ['colour', 'count'],
  additionalProperties: false,
};
const parameters = { type: 'object', properties: { place: { enum: ['left', 'right'] } }, required: ['place'] };
const tools = [{ type: 'function', function: { name: 'look_at', description: 'Looks at a place.', parameters } }];
const common = { apiKey: 'none', temperature: 0, max_tokens: 300 };
const openai = { ...common, apiBaseUrl: url };

function provider(label, id, prompt, config) {
  return { id, label, prompts: [prompt], config };
}

const responseFormat = { type: 'json_schema', json_schema: { name: 'shape', strict: true, schema } };
const providers = [
  provider('chat', `openai:chat:${model}`, 'chat', openai),
  provider('schema', `openai:chat:${model}`, 'chat', { ...openai, response_format: responseFormat }),
  provider('tools', `openai:chat:${model}`, 'chat', { ...openai, tools, tool_choice: 'required' }),
  provider('responses', `openai:responses:${model}`, 'responses', { ...openai, max_output_tokens: 300 }),
  provider('messages', `anthropic:messages:${model}`, 'messages', { ...common, apiBaseUrl: origin }),
  provider('none', 'openai:chat:none', 'chat', openai),
];

function evaluate() {
  const config = join(folder, 'promptfooconfig.json');
  const output = join(folder, 'output.json');
  const written = Object.entries(prompts).map(([label, content]) => ({
    label,
    raw: JSON.stringify([{ role: 'user', content }]),
  }));
  writeFileSync(config, JSON.stringify({ prompts: written, providers, tests: [{ vars: { about: 'a picture' } }] }));
  const env = {
    ...process.env,
    PROMPTFOO_CONFIG_DIR: folder,
    PROMPTFOO_DISABLE_TELEMETRY: '1',
    PROMPTFOO_DISABLE_UPDATE: '1',
    PROMPTFOO_DISABLE_REMOTE_GENERATION: '1',
  };
  const program = join(environment, 'node_modules', '.bin', 'promptfoo');
  const flags = ['eval', '-c', config, '-o', output, '--no-cache', '--no-table', '--no-write', '--no-progress-bar'];
  return new Promise((resolve, reject) => {
    // It ends with an error, as one of the answers is one.
    execFile(program, flags, { env, cwd: folder, maxBuffer: 1e8 }, (_, stdout, stderr) => {
      try {
        resolve(JSON.parse(readFileSync(output, 'utf8')).results.results);
      } catch {
        reject(new Error(`promptfoo wrote nothing: ${(stderr || stdout).trim().split('\n').at(-1)}`));
      }
    });
  });
}

const results = await evaluate();

function resultOf(label) {
  const found = results.find(({ provider }) => provider.label === label);
  require(found !== undefined, 'no result');
  return found;
}

function outputOf(label) {
  const { response, error } = resultOf(label);
  require(response?.output !== undefined && response.output !== '', error ?? 'no output');
  return response.output;
}

await run({
  'chat completions': () => {
    require(typeof outputOf('chat') === 'string', 'no text');
    require(resultOf('chat').response.tokenUsage.prompt > 0, 'no usage');
  },
  'a schema': () => {
    const output = outputOf('schema');
    const { colour } = typeof output === 'string' ? JSON.parse(output) : output;
    require(['red', 'green'].includes(colour), 'another shape');
  },
  'a required call': () => {
    const [call] = [outputOf('tools')].flat();
    require(call.function.name === 'look_at', 'no call');
  },
  responses: () => require(typeof outputOf('responses') === 'string', 'no text'),
  messages: () => require(typeof outputOf('messages') === 'string', 'no text'),
  'an error': () => require(/not served here/.test(resultOf('none').error), resultOf('none').error),
});
