export { imageFormatOf } from './image-format.ts';
export type { ImageFormat } from './image-format.ts';
export type { ImageSource } from './image-source.ts';
export type { FollowStep } from './image-steps.ts';
export { createMediaResolver } from './media-resolver.ts';
export type { MediaResolver, ResolvedImage, ResolveImage, ResolveOptions } from './media-resolver.ts';
export type { MediaSettings } from './media-settings.ts';
export { mediaRejections } from './rejections.ts';
export type { MediaRejection } from './rejections.ts';
