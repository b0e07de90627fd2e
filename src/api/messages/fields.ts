import { fieldTable } from '../request/field-table.ts';
import type { HasNoEffect } from '../request/json-object.ts';
import { anything, isEmpty, never } from '../request/values.ts';
import { MESSAGES_KINDS, MESSAGES_NAMES } from './settings.ts';

/** Known, and without a meaning here, or refused where they have one. */
const OTHER_FIELDS: Readonly<Record<string, HasNoEffect>> = {
  // In the body where a cloud's route has no headers for them.
  anthropic_beta: anything,
  anthropic_version: anything,
  betas: anything,
  billing_policy: anything,
  // Prefixes are cached whether or not they are marked.
  cache_control: anything,
  compaction: isEmpty,
  container: never,
  diagnostics: anything,
  fallback_credit_token: anything,
  // Other models, of which there are none.
  fallbacks: anything,
  inference_geo: anything,
  mcp_servers: isEmpty,
  metadata: anything,
  'output_config.task_budget': anything,
  service_tier: anything,
  speed: anything,
  thread: never,
  // `TOOL_CHOICE` reads them.
  'tool_choice.name': anything,
  'tool_choice.type': anything,
  user_profile_id: anything,
  workspace_id: anything,
};

/** Every field of a request. `messages` and `system` are no settings: `readConversation` reads them. */
export const MESSAGES_FIELDS = fieldTable(MESSAGES_KINDS, MESSAGES_NAMES, {
  ...OTHER_FIELDS,
  messages: anything,
  system: anything,
});
