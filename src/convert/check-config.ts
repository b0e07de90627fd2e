import { findDeclarations } from './architectures/index.ts';

/**
 * Tells from its config.json alone whether a checkpoint is of an architecture that can be converted, and whether that has
 * a vision encoder.
 *
 * @throws VserveError `architecture_unsupported`, which lists what is supported
 */
export async function checkConfig(config: Readonly<Record<string, unknown>>): Promise<{ readonly hasVision: boolean }> {
  const { vision } = await findDeclarations(config);
  return { hasVision: vision !== undefined };
}
