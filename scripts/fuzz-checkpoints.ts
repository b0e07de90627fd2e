/**
 * Plans the conversion of spoilt checkpoints, and describes spoilt GGUF files, by the ten thousands, in a process of its
 * own: each must end in time, with a plan or with a named error, and must never ask for more memory at once than its
 * checkpoint has bytes.
 *
 *     node dist/scripts/fuzz-checkpoints.js [--count 50000] [--seed 1] [--from 0] [checkpoint…]
 *
 * The last line is JSON: how many were read, how many refused with which code, the slowest, the largest allocation, and
 * the memory after a tenth of the cases, at the end, and at most. The heap has a limit too, which ends the process. A case
 * depends on the seed, its number, and the checkpoints only: `--from` begins near a failure.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { scriptArguments } from './arguments.ts';
import { VserveError } from '../src/errors/index.ts';
import { AllocationWatch } from './fuzz/allocation-watch.ts';
import { SpoiltCheckpoints } from './fuzz/spoilt-checkpoints.ts';
import { referenceCheckpoints } from '../test/reference/checkpoints.ts';
import { chosenNames } from '../test/reference/chosen-names.ts';

/** Longer is a hang. It is counted by the second, so that a pause of the whole machine is none. */
const timeoutS = 20;
/** Every process has these at once, streams' and files' blocks, however small the checkpoint is. */
const ordinaryBytes = 1024 * 1024;
const heapMb = 512;
const small = [
  'gemma-tiny-text',
  'gemma-tiny-floats',
  'llama-fp8-blocks-tiny',
  'llama-int8-channels-tiny',
  'llava-next-tiny',
  'mistral-fp8-tekken-tiny',
];
/** All families, and small ones more often, so that many cases are tried. */
const usual = [...Object.keys(referenceCheckpoints), ...Array.from({ length: 6 }, () => small).flat()];

interface Outcome {
  readonly done: number;
  readonly read: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly largestBytes: number;
  readonly rssMb: number;
  readonly mostRssMb: number;
}

async function tryAll(names: readonly string[], count: number, seed: number, from: number): Promise<void> {
  const checkpoints = await SpoiltCheckpoints.write(names, () => process.send?.(from));
  const refused: Record<string, number> = {};
  let read = 0;
  let slowestMs = 0;
  let largestBytes = 0;
  const allocations = new AllocationWatch();
  for (let number = from; number < from + count; number++) {
    process.send?.(number);
    const startedAtMs = performance.now();
    try {
      await checkpoints.tryCase(seed, number);
      read += 1;
    } catch (error) {
      if (!(error instanceof VserveError)) throw new Error(`Case ${number} of seed ${seed}`, { cause: error });
      refused[error.code] = (refused[error.code] ?? 0) + 1;
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAtMs);
    const bytes = allocations.take();
    const limit = Math.max(ordinaryBytes, checkpoints.bytesOf(seed, number));
    if (bytes > limit) throw new Error(`Case ${number} of seed ${seed} asked for ${bytes} bytes, more than ${limit}`);
    largestBytes = Math.max(largestBytes, bytes);
    const done = number - from + 1;
    if (done % Math.ceil(count / 10) !== 0 && done !== count) continue;
    const mostRssMb = Math.round(process.resourceUsage().maxRSS / 1e3);
    const rssMb = Math.round(process.memoryUsage.rss() / 1e6);
    process.send?.({
      done,
      read,
      refused,
      slowestMs: Math.round(slowestMs),
      largestBytes,
      rssMb,
      mostRssMb,
    } satisfies Outcome);
  }
  await checkpoints.remove();
}

/** Runs the cases in a child process; throws when it does not come to its end. */
async function watchChild(args: readonly string[], seed: number): Promise<void> {
  const execArgv = [...process.execArgv, `--max-old-space-size=${heapMb}`];
  const child = fork(import.meta.filename, [...args, '--child'], { execArgv });
  const outcomes: Outcome[] = [];
  let lastCase = -1;
  let silentS = 0;
  const hang = setInterval(() => {
    // Until it has begun, it loads its modules, which takes as long as the machine is busy.
    if (lastCase >= 0) silentS += 1;
    if (silentS > timeoutS) child.kill('SIGKILL');
  }, 1000);
  child.on('message', (message: number | Outcome) => {
    silentS = 0;
    if (typeof message === 'number') {
      lastCase = message;
    } else {
      outcomes.push(message);
      console.log(`${message.done} cases, ${message.rssMb} MB`);
    }
  });
  const [exitCode, exitSignal] = (await once(child, 'exit')) as [number | null, string | null];
  clearInterval(hang);
  if (exitCode !== 0) {
    throw new Error(`It ended with ${String(exitSignal ?? exitCode)} in case ${lastCase} of seed ${seed}`);
  }
  console.log(JSON.stringify({ seed, firstRssMb: outcomes[0]?.rssMb, ...outcomes.at(-1) }));
}

const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    child: { type: 'boolean', default: false },
  },
});
const names = chosenNames(positionals, Object.keys(referenceCheckpoints), usual);
if (values.child) await tryAll(names, Number(values.count), Number(values.seed), Number(values.from));
else await watchChild(process.argv.slice(2), Number(values.seed));
