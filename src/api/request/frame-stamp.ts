/** What a model is told before each frame of a video: its time, as Qwen3-VL was trained on. */
export function frameStamp(timeS: number): string {
  return `<${timeS.toFixed(1)} seconds>`;
}
