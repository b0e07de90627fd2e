export { createMediaResolver } from './media-resolver.ts';
export type { MediaResolver, ResolveImage, ResolveOptions } from './media-resolver.ts';
export type { MediaSettings } from './media-settings.ts';
