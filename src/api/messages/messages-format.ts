import type { WireFormat } from '../wire-format.ts';
import { messagesErrors } from './errors.ts';
import { EventWriter, PING } from './event-writer.ts';
import { toMessage } from './message.ts';
import type { MessagesRequest } from './messages-request.ts';
import { parseMessagesRequest } from './parse-messages-request.ts';
import { MESSAGES_SCHEMAS } from './schemas.ts';

/** Anthropic's Messages. */
export const messagesFormat: WireFormat<MessagesRequest> = {
  idPrefix: 'msg_',
  framing: 'sse',
  heartbeat: PING,
  parse: parseMessagesRequest,
  answer: (identity, events, { answer }) => toMessage(identity, events, answer),
  writer: (identity, { answer, imageDetails = false }) => new EventWriter(identity, answer, imageDetails),
  errors: messagesErrors,
  schemas: MESSAGES_SCHEMAS,
};
