import type { NamesOf } from '../request/field-table.ts';
import { INCLUDE } from '../request/include.ts';
import { BOOLEAN, TEXT } from '../request/kinds.ts';
import { REQUEST_KINDS, REQUEST_NAMES } from '../request/request-kinds.ts';

/** The settings of the response. */
const ANSWER_KINDS = {
  model: TEXT,
  stream: BOOLEAN,
  includeUsage: BOOLEAN,
  continuousUsage: BOOLEAN,
  timingsPerToken: BOOLEAN,
  echo: BOOLEAN,
  include: INCLUDE,
};

export const CHAT_KINDS = { ...REQUEST_KINDS, ...ANSWER_KINDS };

export const CHAT_NAMES: NamesOf<typeof CHAT_KINDS> = {
  ...REQUEST_NAMES,
  model: ['model'],
  stream: ['stream'],
  includeUsage: ['stream_options.include_usage', 'usage.include'],
  continuousUsage: ['stream_options.continuous_usage_stats'],
  timingsPerToken: ['timings_per_token'],
  echo: ['echo'],
  include: ['include'],
};
