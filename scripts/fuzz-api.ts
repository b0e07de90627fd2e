/**
 * Sends what Schemathesis makes of /openapi.json to a server with a backend that can be asked for everything: requests that
 * the description allows, and others. All of its checks must hold: no server error, no status, type or body that is not
 * described, nothing accepted that is described as wrong.
 *
 *     node dist/scripts/fuzz-api.js [--count 2000] [--seed 1] [--folder <path>] [--only <path of a route>]
 *
 * `count` is the least number of requests. Schemathesis is installed into a folder (a new one below the temporary folder,
 * unless named), with python3's venv and pip. Exits with 1 if a check has failed.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEchoBackend } from '../backends/echo/index.ts';
import { startServer } from '../src/server/index.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';
import { everything } from '../test/api/chat/support.ts';
import { mediaSettings, serverSettings } from '../test/server/support/settings.ts';
import { scriptArguments } from './arguments.ts';

const SCHEMATHESIS = 'schemathesis==4.32.5';

const { values } = scriptArguments({
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string' },
    only: { type: 'string' },
  },
});

/**
 * A request that its schema allows may still ask for what cannot be: a picture that is nowhere, settings that contradict
 * each other, another model, a response that was not stored.
 */
const CONFIG = `[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "404", "422", "429", "501"]
`;

const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'vserve-fuzz-api-'));
const venv = join(folder, 'venv');
if (!existsSync(venv)) {
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
  execFileSync(join(venv, 'bin', 'pip'), ['install', '--quiet', SCHEMATHESIS], { stdio: 'inherit' });
}
const config = join(folder, 'schemathesis.toml');
writeFileSync(config, CONFIG);

const model = await createEchoBackend({ info: { capabilities: { ...everything, maxChoices: 1 } } }).load(
  { modelPath: '', mmprojPath: undefined },
  defaultLoadSettings,
  { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
);
let requests = 0;
let roundRequests = 0;
const server = await startServer({
  hosts: ['127.0.0.1'],
  port: 0,
  metricsPort: undefined,
  model,
  servedModelName: 'echo',
  version: '0',
  settings: serverSettings({ apiTypes: ['openai', 'responses', 'anthropic', 'ollama', 'sagemaker'], slots: true }),
  media: mediaSettings({ maxLocalImageBytes: 0, mediaTimeoutS: 5 }),
  // Every request has one line.
  log(level, message) {
    roundRequests += 1;
    if (level === 'error') console.log(message);
  },
});

/** One run with a seed; its examples for each route are as many as asked for. */
async function round(seed: number, examples: number): Promise<boolean> {
  const only = values.only === undefined ? [] : ['--include-path', values.only];
  const choice = ['--phases', 'examples,coverage,fuzzing,stateful', '--max-examples', String(examples)];
  const options = ['--checks', 'all', '--mode', 'all', '--suppress-health-check', 'all', '--continue-on-failure'];
  const parameters = ['run', `${server.url}/openapi.json`, '--seed', String(seed), ...choice, ...options, ...only];
  const child = spawn(join(venv, 'bin', 'schemathesis'), ['--config-file', config, ...parameters], {
    cwd: folder,
    stdio: 'inherit',
  });
  const [status] = (await once(child, 'exit')) as [number | null];
  return status === 0;
}

let isFine = true;
for (let seed = Number(values.seed); isFine && requests < Number(values.count); seed += 1) {
  roundRequests = 0;
  isFine = await round(seed, 50);
  requests += roundRequests;
  console.log(`Seed ${String(seed)}: ${String(roundRequests)} requests, ${String(requests)} so far.`);
  if (roundRequests === 0) break;
}
process.exitCode = isFine ? 0 : 1;
await server.shutdown();
