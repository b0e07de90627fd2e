import { startsAsPdf } from './document-kind.ts';
import { imageFormatOf } from './image-format.ts';
import { videoFormatOf } from './video-format.ts';

/** What a file is by its first bytes, 1024 of them if it has as many. A text is `other`: only its whole tells. */
export function fileKindOf(start: Uint8Array): 'image' | 'pdf' | 'video' | 'other' {
  if (startsAsPdf(start)) return 'pdf';
  if (imageFormatOf(start) !== undefined) return 'image';
  return videoFormatOf(start) === undefined ? 'other' : 'video';
}
