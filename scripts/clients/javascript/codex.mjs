/** Codex without its screen: questions with its tools, about a picture, with a schema, and one that goes on. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment, folder, model, picture, require, run, url } from './checks.mjs';

const program = join(environment, 'node_modules', '.bin', 'codex');
const home = join(folder, 'codex-home');
mkdirSync(home);
writeFileSync(
  join(home, 'config.toml'),
  `model = "${model}"
model_provider = "vserve"
model_context_window = 65536

[model_providers.vserve]
name = "vserve"
base_url = "${url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`,
);
writeFileSync(join(folder, 'picture.png'), Buffer.from(picture.split(',')[1], 'base64'));
const properties = { colour: { type: 'string', enum: ['red', 'green'] } };
const schema = { type: 'object', properties, required: ['colour'], additionalProperties: false };
writeFileSync(join(folder, 'schema.json'), JSON.stringify(schema));
const answer = join(folder, 'answer.txt');

/** Its last message, and the events that it reports. */
async function ask(...parameters) {
  rmSync(answer, { force: true });
  const flags = ['exec', '--json', '--skip-git-repo-check', '--sandbox', 'read-only', '-o', answer];
  const asked = promisify(execFile)(program, [...flags, ...parameters], {
    env: { PATH: process.env.PATH, HOME: folder, CODEX_HOME: home },
    cwd: folder,
    maxBuffer: 1e8,
  });
  asked.child.stdin.end();
  const { stdout, stderr } = await asked.catch((error) => error);
  const events = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  require(events.length > 0, stderr.trim().split('\n').at(-1));
  return { text: existsSync(answer) ? readFileSync(answer, 'utf8') : '', events };
}

function completed({ events }) {
  const failure = events.find(({ type }) => type === 'turn.failed' || type === 'error');
  require(failure === undefined, failure?.error?.message ?? failure?.message);
  const turn = events.find(({ type }) => type === 'turn.completed');
  require(turn?.usage.input_tokens > 1000, 'its own prompt is missing');
}

await run({
  'a question': async () => completed(await ask('What is in this folder?')),
  'a picture': async () => completed(await ask('--image', join(folder, 'picture.png'), '--', 'What is shown?')),
  'a schema': async () => {
    const asked = await ask('--output-schema', join(folder, 'schema.json'), 'Which colour?');
    completed(asked);
    require(['red', 'green'].includes(JSON.parse(asked.text).colour), asked.text);
  },
  'a conversation that goes on': async () => completed(await ask('resume', '--last', 'And what else?')),
  'an error': async () => {
    const { events } = await ask('--model', 'none', 'What is in this folder?');
    const { error } = events.find(({ type }) => type === 'turn.failed') ?? {};
    require(/not served here/.test(error?.message), JSON.stringify(events.at(-1)));
  },
});
