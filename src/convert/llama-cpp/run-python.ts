import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program's output and how it ended. */
export interface PythonResult {
  readonly stdout: string;
  /** The end of its standard error. */
  readonly stderr: string;
  /** The exit code, else the name of the signal that ended it; undefined when it could not be started at all. */
  readonly ended: number | string | undefined;
}

/** A long conversion logs a line for each tensor; only its end says why it failed. */
const keptCharacters = 16_384;

/**
 * What runs before a program: it looks nothing up on the Hub, and ends with the process that started it, whose end of
 * the pipe closes however that ends. `os.read` holds no lock that would keep the interpreter from ending by itself.
 */
const prelude = `
import os, runpy, sys, threading
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
def follow():
    while os.read(0, 1):
        pass
    os._exit(1)
threading.Thread(target=follow, daemon=True).start()
sys.argv = sys.argv[1:]
`;

/** Python that runs \`code\`, with the arguments in \`sys.argv\`. */
export function runCode(code: string): string {
  return `${prelude}\n${code}`;
}

/**
 * Runs Python code and waits for its end, so that nothing of it writes any more. An aborted signal kills it.
 * @param onStderr gets what it prints to its standard error, as it comes
 * Throws the signal's reason when it is aborted.
 */
export async function runPython(
  python: string,
  code: string,
  args: readonly string[],
  signal: AbortSignal,
  onStderr: (text: string) => void = () => undefined,
): Promise<PythonResult> {
  signal.throwIfAborted();
  // -X utf8: what it prints is read as UTF-8, whatever the machine's own encoding.
  const child = spawn(python, ['-X', 'utf8', '-c', code, ...args], { windowsHide: true });
  let [stdout, stderr] = ['', ''];
  child.stdin.on('error', () => undefined);
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-keptCharacters)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-keptCharacters);
    onStderr(text);
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  try {
    const [exitCode, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    signal.throwIfAborted();
    return { stdout, stderr, ended: exitCode ?? killedBy ?? undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && 'syscall' in error) return { stdout, stderr: error.message, ended: undefined };
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
