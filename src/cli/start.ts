import { captureConsole } from './capture-console.ts';
import type { Dependencies } from './context.ts';
import { listenForInterruption } from './interruption.ts';
import { createOutput } from './output.ts';
import { runCli } from './run-cli.ts';
import { surviveLostTerminal } from './terminal.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const OUTPUT_LOST = 1;

/** Runs the command line of this process. The only place that exits. */
export async function start(dependencies: Dependencies): Promise<never> {
  // Without a listener, a library ends the process at this signal. A write beyond the file size limit is reported as an
  // error, like a full disk.
  process.on('SIGXFSZ', () => undefined);

  surviveLostTerminal();

  const output = createOutput(process.stdout, process.stderr);
  const hangups = new EventTarget();
  const signal = listenForInterruption({
    isOnTerminal: process.stdout.isTTY || process.stderr.isTTY,
    onHangup: () => hangups.dispatchEvent(new Event('hangup')),
  });
  // A terminal shows ^C where the next line begins.
  if (process.stderr.isTTY) signal.addEventListener('abort', () => process.stderr.write('\r'), { once: true });
  const reportRequests = new EventTarget();
  // Without a listener, this signal would open Node's debugger.
  if (process.platform !== 'win32') {
    process.on('SIGUSR1', () => reportRequests.dispatchEvent(new Event('report')));
  }
  captureConsole(output);
  // Node exits with success when only promises are pending: the threads of an engine may not count.
  setInterval(() => undefined, LONGEST_TIMER_MS);
  const exitCode = await runCli(process.argv.slice(2), {
    output,
    signal,
    hangups,
    reportRequests,
    openInput: () => process.stdin,
    dependencies,
  });
  await output.closeLog();
  await flush();
  const failure = output.printFailure();
  // For a server, standard output is only a log.
  if (exitCode !== 0 || failure === undefined || signal.aborted) return process.exit(exitCode);
  output.fail(`The output could not be written (${failure}).`);
  await flush();
  return process.exit(OUTPUT_LOST);
}

/** Waits until everything was written, or could not be. */
async function flush(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
}
