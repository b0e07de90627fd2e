/** What the elements of a quantized tensor are multiplied by: a tensor of its own, in any shard. */
export interface Scale {
  readonly shard: string;
  /** Of its first element in the shard. */
  readonly offset: number;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly elements: number;
  /**
   * For each axis of the quantized tensor: its size, how many neighbours share a number, and how far apart in the scale
   * two blocks of them are (0 where all share it).
   */
  readonly axes: readonly ScaleAxis[];
}

export interface ScaleAxis {
  readonly size: number;
  readonly block: number;
  readonly stride: number;
}
