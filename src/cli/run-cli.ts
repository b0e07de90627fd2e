import type { Context } from './context.ts';
import { buildProgram, checkedArguments } from './program.ts';
import { reportError } from './report-error.ts';

/** Runs one command line (without the program's name) and returns the exit code. Never throws. */
export async function runCli(args: readonly string[], context: Context): Promise<number> {
  try {
    const program = await buildProgram(args, context);
    await program.parseAsync(checkedArguments(program, args), { from: 'user' });
    return 0;
  } catch (error) {
    return reportError(error, context.output, context.signal);
  }
}
