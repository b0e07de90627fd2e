// A process that prepares a model, for the tests of what happens between processes. It says `converting` when its
// conversion has begun, and ends that when its standard input ends. Arguments: the model, the folder of the store; with a
// third one it stays until it is killed, as a server does.
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { prepareModel } from '../../dist/src/store/index.js';

const [model, home, stay] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${line}\n`);

const converter = {
  converterVersion: '1',
  checkConfig: async () => undefined,
  checkpointFiles: (folder) => readdir(folder),
  describeCheckpoint: async () => ({
    architecture: 'Tiny',
    family: 'tiny',
    parameters: 1,
    contextBytesPerToken: 1,
    precision: 'f16',
    mmprojBytes: 0,
    sizes: [{ precision: 'f16', bytes: 1 }],
  }),
  async convertCheckpoint({ destinationDir }) {
    const modelPath = join(destinationDir, 'model.gguf');
    await writeFile(modelPath, 'GGUF');
    say('converting');
    await text(process.stdin);
    await writeFile(modelPath, `GGUF by ${process.pid}`);
    return { modelPath, mmprojPath: undefined };
  },
};

const { modelPath } = await prepareModel({
  model,
  mmproj: undefined,
  precision: 'auto',
  mmprojOuttype: 'auto',
  backend: { load: async () => ({ name: 'none' }), devices: 'auto' },
  hub: { revision: 'main', weightPath: undefined, forceDownload: false },
  home,
  loadConverter: async () => converter,
  onProgress: () => undefined,
  log: (_, message) => say(message),
  signal: new AbortController().signal,
});
say(`ready ${modelPath}`);
if (stay === undefined) process.exit();
else setInterval(() => undefined, 2 ** 30);
