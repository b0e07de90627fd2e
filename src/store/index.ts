export { contextTokens, choosePrecision, precisionFits } from './choose-precision.ts';
export type { PrecisionFit } from './choose-precision.ts';
export { collectGarbage } from './collect-garbage.ts';
export type { Garbage } from './collect-garbage.ts';
export { convertInto } from './convert-into.ts';
export type { ConvertIntoOptions } from './convert-into.ts';
export { precisions } from './converter.ts';
export type {
  AskedPrecisions,
  ConversionProgress,
  Converter,
  ModelDescription,
  Outtype,
  Precision,
} from './converter.ts';
export { describeModel } from './describe-model.ts';
export type { DescribedModel } from './describe-model.ts';
export { prepareModel, pullModel } from './prepare-model.ts';
export type { PreparedModel, PrepareModelOptions } from './prepare-model.ts';
export { downloadRequest, fetchFiles } from './pull-repository.ts';
export type { HubAccess } from './pull-repository.ts';
export { findStored, removeModels } from './remove-models.ts';
export { listModels } from './stored-models.ts';
export type { StoredModel } from './stored-models.ts';
export { verifyModels } from './verify-models.ts';
export type { VerifiedFile } from './verify-models.ts';
