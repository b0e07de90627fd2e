/** Claude Code in its print mode: questions with one tool, with all of them, and about a picture. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment, folder, model, origin, picture, require, run } from './checks.mjs';

const program = join(
  environment,
  'node_modules',
  '@anthropic-ai',
  `claude-code-${process.platform}-${process.arch}`,
  'claude',
);
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  ANTHROPIC_BASE_URL: origin,
  ANTHROPIC_API_KEY: 'none',
  ANTHROPIC_MODEL: model,
  ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
  CLAUDE_CODE_MAX_OUTPUT_TOKENS: '200',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
};
const flags = ['--print', '--output-format', 'json', '--max-turns', '2'];

/** What it says at the end; `input` is written to its stdin. */
async function ask({ more = [], question = [], input = '', settings = {} }) {
  const asked = promisify(execFile)(program, [...flags, ...more, ...question], {
    env: { ...env, ...settings },
    cwd: folder,
    maxBuffer: 1e8,
  });
  asked.child.stdin.end(input);
  const { stdout } = await asked.catch((error) => error);
  const last = stdout.trim().split('\n').at(-1);
  require(last !== '', 'it said nothing');
  return JSON.parse(last);
}

/** That the model was asked, and answered: what it answers to is up to the model. */
function answered({ is_error: isError, subtype, result = '', usage }) {
  require(!isError || subtype === 'error_max_turns', result);
  require(usage.output_tokens > 0, 'no tokens');
  return usage;
}

const question = ['What is in this folder?'];

await run({
  'a question with one tool': async () => {
    answered(await ask({ more: ['--tools', 'Read', '--system-prompt', 'Be brief.'], question }));
  },
  'a question with all tools': async () => {
    const { input_tokens: fresh, cache_read_input_tokens: cached } = answered(await ask({ question }));
    require(fresh + cached > 5000, `a prompt of ${fresh + cached} tokens`);
  },
  'a picture': async () => {
    const source = { type: 'base64', media_type: 'image/png', data: picture.split(',')[1] };
    const content = [
      { type: 'text', text: 'What is shown?' },
      { type: 'image', source },
    ];
    const input = `${JSON.stringify({ type: 'user', message: { role: 'user', content } })}\n`;
    const more = ['--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose', '--tools', 'Read'];
    answered(await ask({ more, input }));
  },
  'an error': async () => {
    const { is_error: isError, result } = await ask({ question, settings: { ANTHROPIC_MODEL: 'none' } });
    require(isError && /none/.test(result), result);
  },
});
