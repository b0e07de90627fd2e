export type { AnswerIdentity } from './answer/identity.ts';
export { withImageDetails } from './answer/image-details.ts';
export { requireCapabilities } from './capabilities.ts';
export { openaiErrors } from './error-format.ts';

export { errorJson, errorSchema } from './error-json.ts';
export type { ErrorJson } from './error-json.ts';
export { toGenerateRequest } from './generate-request.ts';
export { modelJson, modelListJson } from './model/model-json.ts';
export { propsJson, routerPropsJson } from './model/props.ts';
export {
  bareModelSchema,
  modelListSchema,
  modelSchema,
  propsSchema,
  routerPropsSchema,
  slotsSchema,
} from './model/schemas.ts';
export type { ListedModel, ModelState, ServedModel } from './model/served-model.ts';
export { slotsJson } from './model/slots.ts';
export type { RunningRequest } from './model/slots.ts';
export { countableImages, firstPicture, imageReferences, mediaReferences, withOpenedMedia } from './parsed-request.ts';
export type {
  FrameListReference,
  FrameSampling,
  ImageReference,
  MediaReference,
  ParsedMessage,
  ParsedPart,
  ParsedRequest,
} from './parsed-request.ts';
export { frameStamp } from './request/frame-stamp.ts';
export { isImageInBase64 } from './request/image-url.ts';
export { show } from './request/invalid-request.ts';
export { isJsonObject } from './request/json-object.ts';
export type { ReadOptions } from './request/json-object.ts';
export { LongText } from './request/long-text.ts';
export { jsonSchema } from './request/request-schema.ts';
export type { JsonSchema } from './request/request-schema.ts';
export type { FindFile, UploadedFile } from './request/uploaded-file.ts';
export type {
  ErrorFormat,
  Framing,
  ModelFormat,
  RouteSchemas,
  StreamWriter,
  WireFormat,
  WireRequest,
} from './wire-format.ts';
