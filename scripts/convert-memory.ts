/**
 * Writes a checkpoint of random bfloat16 weights with the dimensions of a Gemma 3 text model, converts it, and reports
 * peak resident memory and speed. The embedding alone takes 2.8 GB at the default width, that of the 27B model.
 *
 *     node dist/scripts/convert-memory.js --directory bench --layers 3 --outtype bf16 --outtype q8_0
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments, usageError } from './arguments.ts';
import { convertCheckpoint, outtypes } from '../src/convert/index.ts';
import type { Outtype } from '../src/convert/index.ts';
import { writeLargeCheckpoint } from '../test/reference/large-checkpoint.ts';

const { values: options } = scriptArguments({
  options: {
    directory: { type: 'string', default: 'convert-memory' },
    layers: { type: 'string', default: '2' },
    width: { type: 'string', default: '5376' },
    vocabulary: { type: 'string', default: '262144' },
    shards: { type: 'string', default: '3' },
    outtype: { type: 'string', multiple: true, default: ['bf16', 'q8_0'] },
    keep: { type: 'boolean', default: false },
  },
});

function isOuttype(name: string): name is Outtype {
  return (outtypes as readonly string[]).includes(name);
}

const source = join(options.directory, 'checkpoint');
const sourceBytes = await writeLargeCheckpoint(source, {
  layers: Number(options.layers),
  width: Number(options.width),
  vocabulary: Number(options.vocabulary),
  shards: Number(options.shards),
});
console.log(`checkpoint: ${(sourceBytes / 1e9).toFixed(2)} GB`);
for (const outtype of options.outtype) {
  if (!isOuttype(outtype)) usageError(`--outtype must be one of ${outtypes.join(', ')}`);
  const destinationDir = join(options.directory, outtype);
  let peakRss = 0;
  let longestPauseMs = 0;
  let last = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    longestPauseMs = Math.max(longestPauseMs, now - last - 10);
    last = now;
    peakRss = Math.max(peakRss, process.memoryUsage.rss());
  }, 10);
  const start = performance.now();
  const { signal } = new AbortController();
  await convertCheckpoint({ sourceDir: source, destinationDir, outtype, onProgress: () => undefined, signal });
  const seconds = (performance.now() - start) / 1000;
  clearInterval(watch);
  const rss = `${(peakRss / 1e6).toFixed(0)} MB`;
  const speed = `${(sourceBytes / 1e6 / seconds).toFixed(0)} MB/s read`;
  console.log(
    `${outtype}: ${seconds.toFixed(1)} s, ${speed}, peak RSS ${rss}, longest pause ${longestPauseMs.toFixed(0)} ms`,
  );
  await rm(destinationDir, { recursive: true });
}
if (!options.keep) await rm(options.directory, { recursive: true });
