// The process that `quantize.ts` starts. Arguments: source, destination, type, threads. It says over its channel why it
// failed, and ends with its parent: llama.cpp's quantizer cannot be stopped in any other way than by a kill.
import process from 'node:process';
import { messageOf, systemErrorCode } from '../../src/errors/index.ts';
import type { QuantizedType } from '../../src/backend/index.ts';
import { loadNativeAddon } from './addon-loader.ts';
import { startLlama } from './llama-model.ts';

// A library that node-llama-cpp uses ends the process at this signal; without it, a write past the limit is an error.
process.on('SIGXFSZ', () => undefined);
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const [source = '', destination = '', type = '', threads = '1'] = process.argv.slice(2);
try {
  const llama = await startLlama(
    { gpu: 'never', indices: undefined },
    { log: () => undefined, signal: new AbortController().signal },
  );
  await loadNativeAddon(llama).quantize(source, destination, type as QuantizedType, Number(threads));
  process.send?.({ done: true });
} catch (error) {
  process.send?.({ done: false, code: systemErrorCode(error), message: messageOf(error) });
}
