import { findDeclarations } from './architectures/index.ts';

/**
 * Tells from its config.json alone whether a checkpoint is of an architecture that can be converted.
 *
 * @throws VserveError `architecture_unsupported`, which lists what is supported
 */
export async function checkConfig(config: Readonly<Record<string, unknown>>): Promise<void> {
  await findDeclarations(config);
}
