import { formatBytes } from '../../src/formats/format-bytes.ts';
import { encoderLimit } from './device-budget.ts';
import type { PictureMemory } from './dry-run.ts';
import type { GpuPlan } from './gpu-placement.ts';

export interface PictureLimit {
  /** In which pictures are encoded at most. */
  readonly encoderBytes: number;
  /** Undefined where the largest picture takes no more. */
  readonly warning: string | undefined;
}

/**
 * What pictures are encoded in: the memory of the first GPU, as planned, or main memory, of which `ramBytes` gives what is
 * left beside the weights.
 */
export async function pictureLimit(
  { aloneBytes, batchBytes }: PictureMemory,
  plan: Pick<GpuPlan, 'encoderBytes'> | undefined,
  ramBytes: () => Promise<number>,
): Promise<PictureLimit> {
  const largestBytes = plan === undefined ? aloneBytes : batchBytes;
  const encoderBytes = plan?.encoderBytes ?? encoderLimit(largestBytes, await ramBytes());
  if (encoderBytes >= largestBytes) return { encoderBytes, warning: undefined };
  const [largest, spare] = [formatBytes(largestBytes), formatBytes(encoderBytes)];
  const warning = `To encode the largest picture would take ${largest}, more than there is to spare: pictures are scaled down to what ${spare} are enough for.`;
  return { encoderBytes, warning };
}
