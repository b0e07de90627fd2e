/**
 * Plans the conversion of tens of thousands of corrupted checkpoints, and describes corrupted GGUF files, in a child
 * process: each case must end in time with a plan or a named error, and must never allocate more at once than the size of
 * its checkpoint.
 *
 *     node dist/scripts/fuzz-checkpoints.js [--count 50000] [--seed 1] [--from 0] [checkpoint…]
 *
 * The last line is JSON: cases read, cases refused by error code, the slowest case, the largest allocation, and memory
 * after a tenth of the cases, at the end and at its peak. The heap is limited too. A case depends only on the seed, its
 * number and the checkpoints: `--from` resumes near a failure.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { scriptArguments } from './arguments.ts';
import { VserveError } from '../src/errors/index.ts';
import { AllocationWatch } from './fuzz/allocation-watch.ts';
import { SpoiltCheckpoints } from './fuzz/spoilt-checkpoints.ts';
import { referenceCheckpoints } from '../test/reference/checkpoints.ts';
import { chosenNames } from '../test/reference/chosen-names.ts';

/** Longer is a hang. Counted second by second, so that a pause of the whole machine does not count. */
const timeoutS = 20;
/** Blocks of streams and files, which every case allocates however small its checkpoint. */
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
/** All families; small ones several times, since their cases are quick. */
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

/** Runs the cases in a child process. Throws if it ends early. */
async function watchChild(args: readonly string[], seed: number): Promise<void> {
  const execArgv = [...process.execArgv, `--max-old-space-size=${heapMb}`];
  const child = fork(import.meta.filename, [...args, '--child'], { execArgv });
  const outcomes: Outcome[] = [];
  let lastCase = -1;
  let silentS = 0;
  const hang = setInterval(() => {
    // Before the first case it loads modules, which may take long on a busy machine.
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
