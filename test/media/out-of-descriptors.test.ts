import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);

/** Opens files until no more can be opened, then reads an image from each kind of source. */
const program = `
  import { openSync, closeSync } from 'node:fs';
  import { createServer } from 'node:http';
  import { createMediaResolver } from '${pathToFileURL(resolve('dist/src/media/index.js')).href}';
  const images = ${JSON.stringify(resolve('test/fixtures/images'))};
  const media = createMediaResolver({
    allowedImageRoots: [images], maxLocalImageBytes: 1e6, maxMediaBytes: 1e6, maxImagePixels: 1e6, maxDocumentPages: 10, documentPageSide: 300, maxVideoFrames: 8, maxVideoSeconds: 60, ffmpeg: 'ffmpeg',
    mediaTimeoutS: 60,
    ssrfProtectionEnabled: false, allowedMediaHosts: [],
  });
  // As a server does when it is ready.
  await media.warmUp();
  const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1', async () => {
    const open = [];
    try { for (;;) open.push(openSync('/dev/null')); } catch {}
    const codes = [];
    for (const url of ['file://' + images + '/grey.png', 'http://127.0.0.1:' + server.address().port, 'data:,x']) {
      const { signal } = new AbortController();
      await media.forRequest()(url, { param: 'image', signal }).then(() => codes.push('ok'), (error) => codes.push(error.code ?? error.message));
    }
    for (const file of open) closeSync(file);
    await media.forRequest()('file://' + images + '/grey.png', { param: 'image', signal: new AbortController().signal });
    console.log(JSON.stringify(codes));
    process.exit();
  });`;

it.runIf(process.platform === 'linux')('a server that can open no more files says so, and recovers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-descriptors-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'program.mjs');
  await writeFile(path, program);
  const limited = ['-c', 'ulimit -n 256 && exec "$0" "$1"', process.execPath, path];
  const { stdout } = await run('sh', limited);
  expect(JSON.parse(stdout)).toEqual(['at_capacity', 'at_capacity', 'at_capacity']);
});
