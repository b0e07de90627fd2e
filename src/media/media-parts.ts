import type { Bitmap } from '../backend/index.ts';

/** Pages from `first` to `last`, counted from 1, both included; without `last`, to the end. */
export interface PageRange {
  readonly first: number;
  readonly last?: number;
}

/** What to show of a document. */
export interface DocumentAsk {
  readonly kind: 'document';
  /** In this order; undefined shows all pages. */
  readonly pages: readonly PageRange[] | undefined;
  /** Put each page's own text behind its picture. */
  readonly textLayer: boolean;
  /** Draw pages at half or one and a half times the usual size. */
  readonly detail?: 'low' | 'high' | undefined;
  /** At most so many pixels a page. */
  readonly maxPixels?: number | undefined;
}

/** Which frames of a video to show. What is undefined has a default. */
export interface VideoAsk {
  readonly kind: 'video';
  /** Frames per second of the video. */
  readonly framesPerSecond?: number | undefined;
  /** This many frames, in place of so many per second. */
  readonly frames?: number | undefined;
  readonly minFrames?: number | undefined;
  readonly maxFrames?: number | undefined;
  /** In seconds from the beginning. */
  readonly startS?: number | undefined;
  readonly endS?: number | undefined;
  /** Frames that become one image, for a model that sees so many at once; undefined is 1. */
  readonly framesPerImage?: number | undefined;
}

export type PartsAsk = DocumentAsk | VideoAsk;

/** A part of what a document or a video becomes. */
export type MediaPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image';
      readonly bitmap: Bitmap;
      /** Of a frame: its time in the video; of several, in their middle. */
      readonly timeS?: number;
      /** Of several frames: the time of the first. */
      readonly firstS?: number;
    };

/** The limits of documents and videos. */
export interface PartsSettings {
  /** Maximum pages shown of one document. */
  readonly maxDocumentPages: number;
  /** The longer side of a page's picture, in pixels. */
  readonly documentPageSide: number;
  /** Maximum frames shown of one video. */
  readonly maxVideoFrames: number;
  /** Maximum length of a video, or of the part of it that is asked for. */
  readonly maxVideoSeconds: number;
  /** The command of FFmpeg; `ffprobe` lies beside it. */
  readonly ffmpeg: string;
}
