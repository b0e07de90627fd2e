/**
 * What a model is told before each frame of a video: its time, as Qwen3-VL was trained on. Ties go to the even digit, as Python
 * formats numbers: the middle of two frames, a quarter of a second after the first, is at `<0.2 seconds>`.
 */
export function frameStamp(timeS: number): string {
  // Only odd quarters lie exactly between two tenths.
  const isTie = (timeS * 4) % 2 === 1;
  const tenths = Math.floor(timeS * 10);
  const rounded = isTie ? (tenths + (tenths % 2)) / 10 : timeS;
  return `<${rounded.toFixed(1)} seconds>`;
}
