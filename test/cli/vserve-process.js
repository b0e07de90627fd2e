// The command line of vserve in a process of its own, with stand-ins for the converter and the server.
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { dependencies } from '../../dist/src/cli/context.js';
import { start } from '../../dist/src/cli/start.js';
import { VserveError } from '../../dist/src/errors/index.js';

/** Converts by writing two small files; a checkpoint with a file `slow` is converted until it is told to stop. */
const converter = {
  converterVersion: '1',
  llamaCppVersion: (release) => `llama.cpp ${release}`,
  checkConfig: async () => undefined,
  checkpointFiles: (folder) => readdir(folder),
  describeCheckpoint: async () => ({
    architecture: 'Tiny',
    family: 'tiny',
    parameters: 1,
    contextBytesPerToken: 1,
    precision: 'f16',
    mmprojBytes: 4,
    sizes: [{ precision: 'f16', bytes: 4 }],
  }),
  async convertCheckpoint({ sourceDir, destinationDir, onProgress, signal }) {
    const modelPath = join(destinationDir, 'model.gguf');
    await writeFile(modelPath, 'GGUF');
    // Before the progress is reported: a test that has seen it may remove the file.
    const slow = (await readdir(sourceDir)).includes('slow');
    onProgress({ file: 'model.gguf', bytesWritten: 2048, bytesTotal: 4096 });
    if (slow) {
      if (!signal.aborted) await once(signal, 'abort');
      signal.throwIfAborted();
    }
    const mmprojPath = join(destinationDir, 'mmproj.gguf');
    await writeFile(mmprojPath, 'GGUF');
    return { modelPath, mmprojPath };
  },
};

async function listen(host, port) {
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new VserveError('port_in_use', `The network port ${port} is already in use.\nUse another.`, { cause });
  }
  return server;
}

/**
 * Answers every request with what it was started with, and before that with how far its model is; one that serves `stuck`
 * never ends its shutdown, `busy` has two requests in flight. One with a limit of 666 requests cannot be opened.
 */
const server = {
  async openServer({ hosts: [host], port, log, settings }) {
    if (settings.maxPendingRequests === 666) throw new VserveError('port_in_use', 'Someone was faster.');
    const http = await listen(host, port);
    let answer = { settings };
    http.on('request', (_, response) => response.end(JSON.stringify(answer)));
    const bound = http.address().port;
    const url = `http://${host}:${bound}`;
    log('debug', `open at ${url}`);
    const close = async () => {
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
      log('info', 'server shut down');
    };
    return {
      report: (progress) => (answer = { progress }),
      reload: async () => log('info', 'files read again'),
      close,
      serve({ servedModelName, media }) {
        answer = { servedModelName, settings, media };
        process.send?.(url);
        return {
          url,
          urls: [url],
          port: bound,
          needsKey: settings.apiKeys.length > 0,
          requestsInFlight: () => (servedModelName === 'busy' ? 2 : 0),
          warmUp: async () => log('info', 'server warmed up'),
          async shutdown() {
            if (servedModelName === 'stuck') await new Promise(() => undefined);
            await close();
          },
        };
      },
    };
  },
};

await start({ ...dependencies, loadConverter: async () => converter, loadServer: async () => server });
