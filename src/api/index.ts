export { errorJson } from './error-json.ts';
export type { ErrorJson } from './error-json.ts';
export { toGenerateRequest } from './generate-request.ts';
export { isImageInBase64 } from './image-url.ts';
export { show } from './invalid-request.ts';
export { LongText } from './long-text.ts';
export { imageReferences } from './parsed-request.ts';
export type { ImageReference, ParsedMessage, ParsedRequest } from './parsed-request.ts';
