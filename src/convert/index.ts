export { supportedArchitectures } from './architectures/index.ts';
export type { SupportedArchitecture } from './architectures/index.ts';
export { checkpointFiles } from './checkpoint/checkpoint-files.ts';
export { convertCheckpoint } from './convert-checkpoint.ts';
export type { ConversionProgress, ConvertedModel, ConvertOptions } from './convert-checkpoint.ts';
export { converterVersion } from './converter-version.ts';
export { outtypes } from './outtype.ts';
export type { Outtype } from './outtype.ts';
