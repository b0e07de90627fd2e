import { fieldTable } from '../field-table.ts';
import { OTHER_FIELDS } from './other-fields.ts';
import { CHAT_KINDS, CHAT_NAMES } from './settings.ts';

/** Every field of a chat completion request but `messages`. */
export const CHAT_FIELDS = fieldTable(CHAT_KINDS, CHAT_NAMES, OTHER_FIELDS);
