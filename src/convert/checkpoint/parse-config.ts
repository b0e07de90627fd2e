import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { noteAssumptions } from './assumptions.ts';

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
 * Throws `checkpoint_invalid` that names each field at fault.
 */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const result = schema.safeParse(value, { error: explain });
  if (result.success) {
    noteAssumptions(where, value, result.data);
    return result.data;
  }
  const issues = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new VserveError('checkpoint_invalid', `${where} cannot be converted. ${issues.join('; ')}`, {
    cause: result.error,
  });
}

/** What is wrong with a value, where the schema has no message of its own. */
function explain(issue: z.core.$ZodRawIssue): string {
  const { input } = issue;
  if (input === undefined) return 'it is missing';
  return `it is ${shown(input)}${wanted(issue)}`;
}

function wanted(issue: z.core.$ZodRawIssue): string {
  const what = 'origin' in issue && issue.origin === 'array' ? ' elements are required' : ' is required';
  if (issue.code === 'invalid_type') return `, not ${typeNames[issue.expected] ?? `a ${issue.expected}`}`;
  if (issue.code === 'too_small') {
    return `; ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${what}`;
  }
  if (issue.code === 'too_big') {
    return `; ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${what}`;
  }
  if (issue.code === 'invalid_value') {
    return `; only ${issue.values.map((value) => JSON.stringify(value)).join(', ')} can be converted`;
  }
  return ', which cannot be converted';
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  array: 'a list',
  tuple: 'a list',
  record: 'an object',
  object: 'an object',
  string: 'a string',
  boolean: 'true or false',
};

/** A value as JSON has it, but not all of a long one. */
function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
}

const mostShown = 40;
