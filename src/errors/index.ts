export { diskFullError } from './disk-full.ts';
export { errorCodes, presentationOf } from './error-codes.ts';
export type { ErrorCode, ErrorPresentation } from './error-codes.ts';
export { fileFault, messageOf, systemErrorCode } from './system-error.ts';
export { isCodedError, VserveError } from './vserve-error.ts';
export type { CodedError } from './vserve-error.ts';
