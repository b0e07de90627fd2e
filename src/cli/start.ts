import { captureConsole } from './capture-console.ts';
import type { Dependencies } from './context.ts';
import { listenForInterruption } from './interruption.ts';
import { createOutput } from './output.ts';
import { runCli } from './run-cli.ts';
import { surviveLostTerminal } from './terminal.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const OUTPUT_LOST = 1;

/** Runs the command line of this process, to its end. The one place that ends the process. */
export async function start(dependencies: Dependencies): Promise<never> {
  // A library ends the process at this signal where nothing else listens. A write past a limit on the size of files is an
  // error that we report, as a full disk is.
  process.on('SIGXFSZ', () => undefined);

  surviveLostTerminal();

  const output = createOutput(process.stdout, process.stderr);
  const signal = listenForInterruption({
    isOnTerminal: process.stdout.isTTY || process.stderr.isTTY,
    exitNow: (exitCode) => process.exit(exitCode),
  });
  captureConsole(output);
  // Node ends a process, with success, when only promises are left to wait for: an engine's threads may not count.
  setInterval(() => undefined, LONGEST_TIMER_MS);
  const exitCode = await runCli(process.argv.slice(2), { output, signal, dependencies });
  await flush();
  const failure = output.printFailure();
  // A server that was stopped has given its answers elsewhere.
  if (exitCode !== 0 || failure === undefined || signal.aborted) return process.exit(exitCode);
  output.fail(`The output could not be written (${failure}).`);
  await flush();
  return process.exit(OUTPUT_LOST);
}

/** Waits until all that was written has left, or has failed to. */
async function flush(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
}
