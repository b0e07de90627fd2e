/** Where an image comes from. */
export type ImageOrigin = 'http' | 'data' | 'file' | 'upload';

/** A step on the way of an image. */
export interface ImageStep {
  /** Reading the source, or making pixels of it; both with the time that it waits for its turn. */
  readonly name: 'fetch' | 'decode';
  readonly source: ImageOrigin;
  /** Names the image as in an error. */
  readonly param: string;
}

/** How a step has ended. */
export interface ImageStepEnd {
  /** What failed. */
  readonly error?: unknown;
  /** Of the source, as it came. */
  readonly bytes?: number;
  readonly width?: number;
  readonly height?: number;
  /** The source came before, and the backend has the image's encoded form: nothing was decoded. */
  readonly isKnown?: boolean;
}

/** Called when a step begins; the returned function, when it has ended. */
export type FollowStep = (step: ImageStep) => (end: ImageStepEnd) => void;

/** Does the work of a step, and tells who follows it. `tell` describes its result. */
export async function followed<T>(
  follow: FollowStep | undefined,
  step: ImageStep,
  work: () => Promise<T>,
  tell: (result: T) => ImageStepEnd,
): Promise<T> {
  if (follow === undefined) return work();
  const end = follow(step);
  try {
    const result = await work();
    end(tell(result));
    return result;
  } catch (error) {
    end({ error });
    throw error;
  }
}
