import { spawn } from 'node:child_process';

/** Runs a program to completion and resolves with its stdout. Throws the end of its output if it fails. */
export async function runTool(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status !== 0) {
    throw new Error(`${command} ended with status ${String(status)}:\n${(stderr || stdout).slice(-4000)}`);
  }
  return stdout;
}
