import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import threads from 'node:worker_threads';

// vitest compiles what it imports, but not what a thread or a process of its own runs. Those run the built program, which
// is what users run, and starts sooner: build.ts has built it.
const repository = new URL('../..', import.meta.url);

/** Of a path or URL of a TypeScript file in `src` or `backends`, what it was built into; any other stays. */
function built(program, root) {
  return program.startsWith(root) && program.endsWith('.ts')
    ? `${root}dist/${program.slice(root.length, -3)}.js`
    : program;
}

threads.Worker = class extends threads.Worker {
  constructor(url, options) {
    super(new URL(built(url.href, repository.href)), options);
  }
};
const { fork } = childProcess;
childProcess.fork = (program, ...rest) => fork(built(program, fileURLToPath(repository)), ...rest);
syncBuiltinESMExports();
