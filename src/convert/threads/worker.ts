import { parentPort } from 'node:worker_threads';
import { ChunkConverter } from './convert-chunk.ts';
import { toFailure } from './messages.ts';
import type { Answers, Reply, Request } from './messages.ts';

const converter = new ChunkConverter();

async function answer(request: Request): Promise<Answers[keyof Answers]> {
  if (request.kind === 'chunk') {
    return converter.convert(request.chunk, request.descriptors);
  }
  if (request.kind === 'describe') {
    const { describePlanned } = await import('../describe-checkpoint.ts');
    return describePlanned(request.sourceDir);
  }
  if (request.kind === 'adapter') {
    const { baseDir, adapterDir, path } = request.options;
    const { planAdapter } = await import('../adapters/plan-adapter.ts');
    const { writeAdapter } = await import('../adapters/write-adapter.ts');
    writeAdapter(await planAdapter(baseDir, adapterDir), adapterDir, path);
    return true;
  }
  // Only one thread plans, so only one loads the architectures and tokenizers.
  const { planConversion } = await import('../plan/plan-conversion.ts');
  return planConversion(request.options);
}

parentPort?.on('message', (request: Request) => {
  void answer(request)
    .then(
      (answer): Reply => ({ answer }),
      (error: unknown): Reply => ({ failure: toFailure(error) }),
    )
    .then((reply) => parentPort?.postMessage(reply, []));
});
