import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { isCodedError, messageOf, presentationOf, systemErrorCode } from '../errors/index.ts';
import { EndedAs } from './ended-as.ts';
import { Interrupted } from './interruption.ts';
import { ReaderLeft } from './line-sink.ts';
import type { Output } from './output.ts';

const BAD_USAGE = 2;
const OUT_OF_DESCRIPTORS = ['EMFILE', 'ENFILE'];

/** Prints the error that ended a command, and returns the exit code. With `--log-level DEBUG` the stack follows. */
export function reportError(error: unknown, output: Output, signal: AbortSignal): number {
  if (error instanceof EndedAs) return error.exitCode;
  const reason: unknown = signal.reason;
  if (reason instanceof Interrupted && isAbort(error, reason)) {
    output.log('debug', inspect(error));
    output.note('Stopped.');
    return reason.exitCode;
  }
  if (error instanceof ReaderLeft) return 0;
  if (error instanceof CommanderError) return reportUsage(error, output);
  if (isCodedError(error)) {
    output.fail(error.message);
    output.log('debug', inspect(error));
    return presentationOf(error.code).exitCode;
  }
  const message = messageOf(error);
  if (OUT_OF_DESCRIPTORS.includes(systemErrorCode(error) ?? '')) {
    output.fail(`${message}\nRaise the limit of open files, for example: ulimit -n 1024`);
    return 1;
  }
  output.fail(`${message}\nThis is a bug in vserve. Run it again with --log-level DEBUG and report the output.`);
  output.log('debug', inspect(error));
  return 1;
}

/** Whether the work ended because of the abort: Node's own functions wrap the reason in an `AbortError`. */
function isAbort(error: unknown, reason: Interrupted): boolean {
  return error === reason || (error instanceof Error && (error.name === 'AbortError' || error.cause === reason));
}

function reportUsage(error: CommanderError, output: Output): number {
  if (error.exitCode === 0) return 0;
  // Commander's code for a missing verb, after it has printed the help.
  if (error.code !== 'commander.help') {
    output.fail(`${error.message.replace(/^error: /, '')}\nFor usage, add --help.`);
  }
  return BAD_USAGE;
}
