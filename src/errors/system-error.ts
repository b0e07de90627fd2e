/** Code of a system or Node error (`ENOENT`, `ENOSPC`, …); undefined for any other. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `no such file or directory (ENOENT)`: what Node's message of a file says, for a sentence that names the file itself. */
export function fileFault(error: unknown): string {
  const message = messageOf(error);
  const code = systemErrorCode(error);
  if (code === undefined || !message.startsWith(`${code}: `)) return message;
  const [reason] = message.slice(code.length + 2).split(/, [a-z]+(?: '|$)/);
  return `${reason ?? message} (${code})`;
}
