/** A box as a model wrote it, in whatever units. */
export interface FoundBox {
  readonly corners: Corners;
  readonly label: string;
  /** The corners are y, x, y, x, as Gemini's and Gemma's `box_2d` has them. */
  readonly isYFirst: boolean;
}

export type Corners = readonly [number, number, number, number];
