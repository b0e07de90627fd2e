export type { ResponseArchive, ResponseRecord } from './archive.ts';
export { responsesErrors } from './errors.ts';
export { EventWriter } from './event-writer.ts';
export { parseResponseRequest } from './parse-response-request.ts';
export type { ResponseJson, ResponseStatus } from './response-json.ts';
export type { ResponseRequest, ResponseSettings } from './response-request.ts';
export { responsesFormat } from './responses-format.ts';
export { responseSchema } from './response-schema.ts';
export { deletedResponseSchema, itemPageSchema, RESPONSE_SCHEMAS, responseCountSchemas } from './schemas.ts';
