export { convertInto } from './convert-into.ts';
export type { ConvertIntoOptions } from './convert-into.ts';
export type { ConversionProgress, Converter, Outtype } from './converter.ts';
export { prepareModel } from './prepare-model.ts';
export type { PreparedModel, PrepareModelOptions } from './prepare-model.ts';
