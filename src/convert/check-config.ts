import { findDeclarations } from './architectures/index.ts';
import { checkQuantization } from './scales/quantization.ts';

/**
 * Tells from its config.json alone whether a checkpoint can be converted, by its architecture and its quantization, and
 * whether it has a vision encoder.
 *
 * @throws VserveError `architecture_unsupported`, which lists what is supported; `checkpoint_invalid` for weights that
 *   are quantized in a way that cannot be undone
 */
export async function checkConfig(config: Readonly<Record<string, unknown>>): Promise<{ readonly hasVision: boolean }> {
  const { vision } = await findDeclarations(config);
  checkQuantization(config);
  return { hasVision: vision !== undefined };
}
