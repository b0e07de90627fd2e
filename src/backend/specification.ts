/**
 * `vserve/backend`, for authors of backends: the types that a backend meets, their version, and the error class whose
 * codes decide the HTTP status of a response.
 */
export { errorCodes, VserveError } from '../errors/index.ts';
export type { CodedError, ErrorCode, ErrorPresentation } from '../errors/index.ts';
export * from './answer-format.ts';
export * from './backend-metric.ts';
export * from './backend.ts';
export * from './bitmap.ts';
export * from './chat-message.ts';
export * from './generate-request.ts';
export * from './generation-event.ts';
export * from './image-budget.ts';
export * from './image-receipt.ts';
export * from './loaded-model.ts';
export * from './log-probs.ts';
export * from './model-info.ts';
export * from './model-work.ts';
export * from './prompt.ts';
export * from './reasoning-settings.ts';
export * from './sampling-settings.ts';
export { specificationVersion } from './specification-version.ts';
export * from './template-settings.ts';
export * from './tool.ts';
