import { z } from 'zod';
import type { NamesOf } from '../request/field-table.ts';
import type { PlainKind } from '../request/kinds.ts';
import { BOOLEAN, TEXT } from '../request/kinds.ts';
import { REQUEST_KINDS, REQUEST_NAMES } from '../request/request-kinds.ts';

/** What an answer includes where it is asked for. */
const INCLUDE: PlainKind<readonly 'image_details'[]> = {
  expected: 'an array of image_details',
  schema: z.array(z.literal('image_details')),
};

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
