import { parentPort } from 'node:worker_threads';
import { ChunkConverter } from './convert-chunk.ts';
import { toFailure } from './messages.ts';
import type { Answers, Reply, Request } from './messages.ts';

const converter = new ChunkConverter();

async function answer(request: Request): Promise<Answers[keyof Answers]> {
  if (request.kind === 'chunk') {
    const { source, scale, target } = request.descriptors;
    return converter.convert(request.chunk, source, target, scale);
  }
  if (request.kind === 'describe') {
    const { describePlanned } = await import('../describe-checkpoint.ts');
    return describePlanned(request.sourceDir);
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
