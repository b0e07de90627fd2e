import type { Bitmap, ImageReceipt, SentImage } from '../backend/index.ts';
import type { FollowStep } from '../media/index.ts';

interface Arrival {
  fetchMs: number;
  decodeMs: number;
  wasDecoded: boolean;
}

/** How the images of a request came: what the backend's receipts do not know. */
export class ImageArrivals {
  readonly #arrivals = new Map<string, Arrival>();
  readonly #also: FollowStep | undefined;

  /** `also` is told of the steps, too. */
  constructor(also: FollowStep | undefined) {
    this.#also = also;
  }

  readonly follow: FollowStep = (step) => {
    const fromMs = performance.now();
    const tellAlso = this.#also?.(step);
    return (end) => {
      const arrival = this.#arrivals.get(step.param) ?? { fetchMs: 0, decodeMs: 0, wasDecoded: false };
      arrival[step.name === 'fetch' ? 'fetchMs' : 'decodeMs'] = performance.now() - fromMs;
      arrival.wasDecoded ||= end.isKnown === true;
      this.#arrivals.set(step.param, arrival);
      tellAlso?.(end);
    };
  };

  /** The backend's receipts, completed. `images` and `params` are of the prompt's images, in order. */
  complete(
    receipts: readonly ImageReceipt[],
    images: readonly Bitmap[],
    params: readonly string[],
  ): readonly ImageReceipt[] {
    return receipts.map((receipt, index) => {
      const [image, param = ''] = [images[index], params[index]];
      if (image === undefined) return receipt;
      const { width, height } = image;
      const arrival = this.#arrivals.get(param) ?? { fetchMs: 0, decodeMs: 0, wasDecoded: false };
      const sent: SentImage = { param, width, height, ...arrival };
      return { ...receipt, sent };
    });
  }
}
