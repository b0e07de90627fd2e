import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chatRequest } from '../../src/playground/requests/chat-request.ts';
import { abbreviated, SAMPLES } from '../../src/playground/samples/index.ts';
import { fileMark } from '../../src/playground/samples/sample.ts';
import { pictureBytes, pictureDataUri } from '../support/shapes.ts';
import { send } from '../server/support/http.ts';
import { modelName, serve } from '../server/support/serve.ts';
import type { TestServer } from '../server/support/serve.ts';
import { ableModel, photo, settingsWith } from './support.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
/** Of a backend that takes every field of the request. */
const info = { capabilities: { vision: true, progress: true } };
const pictureName = '000-0.png';

/** Stands for OpenAI's library: prints what it was called with. */
const PYTHON_OPENAI = `
import json
class OpenAI:
    def __init__(self, **options):
        self.options = options
        self.chat = self.completions = self
    def create(self, **arguments):
        print(json.dumps({"options": self.options, "arguments": arguments}))
        return []
`;

/** What would be taken for something else by a shell, or by Python. */
const QUESTION = `Is it "red"? '$HOME' \`id\` \\n \\u0000 $(id) # JSON\nJSON\n{curly} ☃ 😀`;

interface Written {
  readonly language: string;
  readonly readsFiles: boolean;
  readonly baseUrl: string;
  readonly needsKey?: boolean;
}

/** The body of a question about a picture at this address. */
const bodyWith = (url: string) =>
  chatRequest({
    model: { ...ableModel, id: modelName, hasImageDetails: false },
    settings: settingsWith({ system: 'Be brief.', temperature: '0.5', seed: '7' }),
    history: [],
    column: 0,
    question: QUESTION,
    attachments: [photo],
    urlOf: () => url,
  });

/** A question about a picture, and the body that it must be sent as. */
function write({ language, readsFiles, baseUrl, needsKey = false }: Written): { code: string; body: object } {
  const exact = bodyWith(pictureDataUri(pictureName));
  const body = readsFiles ? bodyWith(fileMark(0)) : exact;
  const code = SAMPLES[language]?.({ baseUrl, needsKey, body, files: readsFiles ? [photo] : [] }) ?? '';
  return { code, body: exact };
}

/** A folder with the picture in it. */
async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-samples-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, photo.name), pictureBytes(pictureName));
  return folder;
}

function post(server: TestServer, body: object) {
  return send(`${server.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
}

async function has(program: string): Promise<boolean> {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  );
}

describe.each([
  ['with the picture in it', false],
  ['with the picture from a file', true],
])('the request as code, %s', (_, readsFiles) => {
  it('is the same request: JavaScript', async () => {
    const server = await serve({ info });
    const { code, body } = write({ language: 'JavaScript', readsFiles, baseUrl: `${server.url}/v1` });
    const folder = await makeFolder();
    const { stdout } = await run(
      process.execPath,
      ['--input-type=module', '--eval', `process.chdir(${JSON.stringify(folder)});\n${code}`],
      {
        cwd: repository,
      },
    );
    expect((await post(server, body)).status).toBe(200);
    expect(stdout).toContain('☃ 😀');
    const [byCode, exact] = server.generateRequests;
    expect({ ...byCode, client: [] }).toEqual({ ...exact, client: [] });
  });

  it('is the same request: curl', async ({ skip }) => {
    if (!(await has('curl'))) skip('curl is not installed');
    const server = await serve({ info, settings: { apiKeys: ['secret'] } });
    const { code, body } = write({ language: 'curl', readsFiles, baseUrl: `${server.url}/v1`, needsKey: true });
    const environment = { ...process.env, VSERVE_API_KEY: 'secret' };
    const { stdout } = await run('bash', ['-c', code], { cwd: await makeFolder(), env: environment });
    expect(stdout).toContain('[DONE]');
    const headers = { 'x-api-key': 'secret' };
    await send(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) });
    const [byCode, exact] = server.generateRequests;
    expect({ ...byCode, client: [] }).toEqual({ ...exact, client: [] });
  });

  it('is the same request: Python', async ({ skip }) => {
    if (!(await has('python3'))) skip('python3 is not installed');
    const folder = await makeFolder();
    const { code, body } = write({
      language: 'Python',
      readsFiles,
      baseUrl: 'http://localhost:8000/v1',
      needsKey: true,
    });
    await writeFile(join(folder, 'openai.py'), PYTHON_OPENAI);
    const environment = { ...process.env, VSERVE_API_KEY: 'secret' };
    const { stdout } = await run('python3', ['-c', code], { cwd: folder, env: environment });
    const { options, arguments: given } = JSON.parse(stdout) as { options: object; arguments: { extra_body: object } };
    expect(options).toEqual({ base_url: 'http://localhost:8000/v1', api_key: 'secret' });
    const { extra_body: further, ...known } = given;
    expect({ ...known, ...further }).toEqual(body);
    expect(Object.keys(further)).toEqual(['return_progress']);
  });
});

it('is shown without the megabytes of the pictures', () => {
  const { code } = write({ language: 'curl', readsFiles: false, baseUrl: 'http://localhost:8000/v1' });
  expect(abbreviated(code)).toMatch(/data:image\/png;base64,[\w+/]{16}…"/);
});
