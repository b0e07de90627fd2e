export { BOX_CONVENTIONS, boxFamilyOf } from './conventions.ts';
export type { BoxFamily } from './conventions.ts';
export { drawAnswer, drawBoxes } from './draw-boxes.ts';
export type { RawPicture } from './draw-boxes.ts';
export { readBoxes } from './read-boxes.ts';
export type { WrittenBox } from './read-boxes.ts';
export { placeBox, toPicture } from './to-picture.ts';
export type { Box, PictureSizes } from './to-picture.ts';
