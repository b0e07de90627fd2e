export type { AdapterConversion, Conversion, ConversionFiles, ConversionProgress, Converter } from './converter.ts';
export type { ModelDescription, PrecisionSize } from './model-description.ts';
export { outtypes } from './outtype.ts';
export type { FixedOuttype, Outtype } from './outtype.ts';
