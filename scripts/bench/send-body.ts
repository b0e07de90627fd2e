/** A thread that posts its `workerData` to each URL it receives, and replies with the response text. */
import { parentPort, workerData } from 'node:worker_threads';
import { request } from 'undici';

const body = workerData as Uint8Array;
parentPort?.on('message', (url: string) => {
  void request(url, { method: 'POST', body, headersTimeout: 0 })
    .then((response) => response.body.text())
    .then((text) => parentPort?.postMessage(text, []));
});
