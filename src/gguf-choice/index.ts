export { candidatesOf } from './candidates.ts';
export type { Candidate, GgufFile } from './candidates.ts';
export { chooseGguf, chooseProjector } from './choose-gguf.ts';
export type { ChosenGguf, GgufWish } from './choose-gguf.ts';
export { Headers } from './headers.ts';
export type { ReadStart } from './headers.ts';
export { kindInStart, kindNames } from './kind.ts';
export { isGguf, isProjectorName, isTypeFolder, splitPart } from './names.ts';
