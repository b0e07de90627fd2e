type Measure = () => number | Promise<number>;

/** More than enough for one undisturbed measurement of each, on any machine. */
const mostAttempts = 20;

/**
 * How many times as long the large case takes as the small one, by the least time of each. Other tests and the garbage
 * collector make single times longer, never shorter: while the ratio is not below `bound`, both are measured again.
 */
export async function growth(small: Measure, large: Measure, bound: number): Promise<number> {
  let leastOfSmall = Infinity;
  let leastOfLarge = Infinity;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    leastOfSmall = Math.min(leastOfSmall, await small());
    leastOfLarge = Math.min(leastOfLarge, await large());
    if (leastOfLarge < bound * leastOfSmall) break;
  }
  return leastOfLarge / leastOfSmall;
}
