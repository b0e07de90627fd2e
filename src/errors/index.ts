export { diskFullError } from './disk-full.ts';
export { errorCodes, presentationOf } from './error-codes.ts';
export type { ErrorCode, ErrorPresentation } from './error-codes.ts';
export { messageOf, systemErrorCode } from './system-error.ts';
export { VserveError } from './vserve-error.ts';
