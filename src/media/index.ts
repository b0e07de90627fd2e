export type { ImageSource } from './image-source.ts';
export type { FollowStep } from './image-steps.ts';
export type { DocumentAsk, MediaPart, PartsAsk, VideoAsk } from './media-parts.ts';
export { createMediaResolver } from './media-resolver.ts';
export type { FindEncoded, MediaResolver, ResolvedImage, ResolveImage, ResolveOptions } from './media-resolver.ts';
export type { MediaSettings } from './media-settings.ts';
export { mediaRejections } from './rejections.ts';
export type { MediaRejection } from './rejections.ts';
