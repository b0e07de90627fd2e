export { messagesErrors } from './errors.ts';
export { EventWriter } from './event-writer.ts';
export { toMessage } from './message.ts';
export { messagesFormat } from './messages-format.ts';
export type { MessageSettings, MessagesRequest } from './messages-request.ts';
export { messagesModelJson, messagesModelList } from './models.ts';
export { parseCountRequest, parseMessagesRequest } from './parse-messages-request.ts';
export { tokenCountJson } from './token-count.ts';
