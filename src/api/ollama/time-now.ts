let lastMs = 0;
let lastText = '';

/** The time as Ollama writes it. Tokens may come many in a millisecond, and writing it takes longer than the rest. */
export function timeNow(): string {
  const ms = Date.now();
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}
