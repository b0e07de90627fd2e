export type { ConversionProgress, Converter, Outtype } from './converter.ts';
export { prepareModel } from './prepare-model.ts';
export type { PreparedModel, PrepareModelOptions } from './prepare-model.ts';
