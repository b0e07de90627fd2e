import { systemErrorCode } from '../errors/index.ts';
import type { Dependencies } from './context.ts';
import { listenForInterruption } from './interruption.ts';
import { createOutput } from './output.ts';
import { runCli } from './run-cli.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Runs the command line of this process, to its end. The one place that ends the process. */
export async function start(dependencies: Dependencies): Promise<never> {
  // Whoever read our output may leave (`vserve serve | head -1`): that ends no server.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (systemErrorCode(error) !== 'EPIPE') throw error;
    });
  }

  // A library ends the process at this signal where nobody else listens. A write past a limit on the size of files is an
  // error that we report, as a full disk is.
  process.on('SIGXFSZ', () => undefined);

  const output = createOutput(process.stdout, process.stderr);
  const signal = listenForInterruption((exitCode) => process.exit(exitCode));
  // Node ends a process, with success, when only promises are left to wait for: an engine's threads may not count.
  setInterval(() => undefined, LONGEST_TIMER_MS);
  const exitCode = await runCli(process.argv.slice(2), { output, signal, dependencies });
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
  return process.exit(exitCode);
}
