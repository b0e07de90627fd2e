// A backend for the tests of the command line, loaded as a third party's is. The name of the model's file says how it
// behaves: `slow…` loads until it is told to stop, `broken…` fails.
import { once } from 'node:events';
import { basename } from 'node:path';
import { VserveError } from '../../dist/src/errors/index.js';

export default {
  name: 'fake',
  specificationVersion: 1,
  async load({ modelPath, mmprojPath }, settings, { onProgress, log, signal }) {
    const file = basename(modelPath);
    log('debug', `load ${JSON.stringify({ file, mmproj: mmprojPath && basename(mmprojPath), ...settings })}`);
    onProgress('model', 0.5);
    if (file.startsWith('broken')) throw new VserveError('model_load_failed', 'The model is broken.');
    if (file.startsWith('slow')) {
      if (!signal.aborted) await once(signal, 'abort');
      signal.throwIfAborted();
    }
    onProgress('model', 1);
    return {
      info: {
        capabilities: { vision: true },
        contextLength: 64,
        maxBatchSize: 2,
        samplingDefaults: {},
        device: 'fake',
      },
      stats: () => ({ sequencesRunning: 0, sequencesQueued: 0 }),
      close: async () => log('info', 'model closed'),
    };
  },
};
