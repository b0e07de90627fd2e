import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';

/** A whole number that a GGUF uint32 holds. */
export const uint32 = z.int().min(0).max(0xff_ff_ff_ff);
/** A size of a tensor: at least one. */
export const size = z.int().min(1).max(0x7f_ff_ff_ff);
/** The number of layers of a model. The limit keeps a corrupt configuration from expanding into endless names. */
export const blockCount = z.int().min(1).max(4096);
/** The size of a vocabulary, with a limit for the same reason. */
export const vocabularySize = z.int().min(1).max(16_777_216);

/**
 * Reads a configuration by its schema, whose defaults are those of the transformers class behind it.
 *
 * @param where how messages name the object, e.g. `config.json: text_config`
 * @throws VserveError `checkpoint_invalid` that names each field at fault
 */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new VserveError('checkpoint_invalid', `${where} cannot be converted. ${issues}`, { cause: result.error });
}
