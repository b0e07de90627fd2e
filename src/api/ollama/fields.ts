import { fieldTable } from '../request/field-table.ts';
import type { HasNoEffect } from '../request/json-object.ts';
import { OTHER_FIELDS } from '../request/other-fields.ts';
import { anything, isOneOf } from '../request/values.ts';
import { CHAT_NAMES, COMMON_KINDS, GENERATE_KINDS, GENERATE_NAMES } from './kinds.ts';

/** How the model runs, which is settled when the server starts, and samplers that are off. */
const OPTIONS = Object.fromEntries(
  Object.entries(OTHER_FIELDS).filter(([name]) => name.startsWith('options.') && name !== 'options.num_ctx'),
);

const OTHERS: Readonly<Record<string, HasNoEffect>> = {
  ...OPTIONS,
  // Drafts change how fast an answer comes, not the answer.
  'options.draft_num_predict': anything,
  'options.embedding_only': isOneOf(false),
  'options.logits_all': isOneOf(false),
  _debug_render_only: isOneOf(false),
  // What to do when the context is full. It is never cut here: a prompt that is too long is refused, an answer ends.
  shift: anything,
  truncate: anything,
};

/** The fields of `/api/chat`. `messages` are no setting: `readMessages` reads them. */
export const CHAT_FIELDS = fieldTable(COMMON_KINDS, CHAT_NAMES, { ...OTHERS, messages: anything });

/** The fields of `/api/generate`. `images` are no setting either. Sizes are of pictures to be drawn. */
export const GENERATE_FIELDS = fieldTable(GENERATE_KINDS, GENERATE_NAMES, {
  ...OTHERS,
  images: anything,
  width: isOneOf(0),
  height: isOneOf(0),
  steps: isOneOf(0),
});
