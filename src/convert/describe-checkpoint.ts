import type { ModelDescription } from '../conversion/index.ts';
import { describeHeaders, sizesOf } from './describe.ts';
import { parseGgufHeader } from '../gguf/read-header.ts';
import { withThreads } from './threads/with-threads.ts';
import { planConversion } from './plan/plan-conversion.ts';

/**
 * Describes a checkpoint by what a conversion would make of it. Reads headers, the configuration and the tokenizer.
 * Throws what `convertCheckpoint` throws before it writes; the signal's reason when it is aborted.
 */
export async function describeCheckpoint(sourceDir: string, signal: AbortSignal): Promise<ModelDescription> {
  return withThreads(1, signal, async ([thread]) => thread.request({ kind: 'describe', sourceDir }));
}

/** The same in the thread that calls it: a tokenizer can take a second. */
export async function describePlanned(sourceDir: string): Promise<ModelDescription> {
  const { architecture, outtype, files } = await planConversion({ sourceDir, outtype: 'auto' });
  const header = (file: string) => {
    const plan = files.find((candidate) => candidate.file === file);
    return plan === undefined ? undefined : parseGgufHeader(plan.header);
  };
  const model = header('model.gguf') ?? parseGgufHeader(new Uint8Array());
  return {
    ...describeHeaders(model, header('mmproj.gguf')),
    architecture,
    precision: outtype,
    sizes: sizesOf(model, outtype),
  };
}
