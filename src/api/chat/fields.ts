import { fieldTable } from '../request/field-table.ts';
import { anything } from '../request/values.ts';
import { OTHER_FIELDS } from '../request/other-fields.ts';
import { CHAT_KINDS, CHAT_NAMES } from './settings.ts';

/** Every field of a chat completion request. `messages` are no setting: `readMessages` reads them. */
export const CHAT_FIELDS = fieldTable(CHAT_KINDS, CHAT_NAMES, { ...OTHER_FIELDS, messages: anything });
