/**
 * Shows every family of test/engine pictures of odd sizes (a pixel, strips, up to 100 megapixels) at all budgets and several
 * sizes of a step: none may end the process, and none may be answered unseen.
 *
 *     node dist/scripts/odd-pictures.js [--seed 1] [--cases 12] [--megapixels 100] [name…]
 *
 * A family has a process of its own. `--cases` are drawn for each family and size of a step. One line for each family; the
 * exit code is 1 where one has failed, and the line has the case.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { scriptArguments } from './arguments.ts';
import { loadFaithful } from '../test/engine/faithful-model.ts';
import { askOddly, oddBatches, oddBudgets, oddSettings, oddSizes, plainPicture } from '../test/engine/odd-pictures.ts';
import { faithfulNames } from '../test/engine/seeing-checkpoints.ts';
import { chosenNames } from '../test/reference/chosen-names.ts';
import { randomBits } from '../test/reference/random.ts';

const { values, positionals } = scriptArguments({
  options: {
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '12' },
    megapixels: { type: 'string', default: '100' },
    child: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [seed, cases, megapixels] = [values.seed, values.cases, values.megapixels].map(Number) as [
  number,
  number,
  number,
];

/** What a child tells: the case that begins, and at the end how the cases ended. */
type Told = { readonly begins: string } | { readonly outcomes: Readonly<Record<string, number>> };

async function tryFamily(name: string): Promise<void> {
  const next = randomBits(seed);
  const drawn = <T>(from: readonly T[]): T => from[next() % from.length] as T;
  const sizes = oddSizes.filter(([width, height]) => width * height <= megapixels * 1e6);
  const family = Object.entries(oddSettings).find(([beginning]) => name.startsWith(beginning));
  const settings = [undefined, ...(family?.[1] ?? [])];
  const outcomes: Record<string, number> = {};
  for (const maxBatchInputTokens of oddBatches) {
    const loaded = await loadFaithful(name, undefined, undefined, undefined, { maxBatchInputTokens });
    for (let n = 0; n < cases; n++) {
      const [[width, height], budget, asked] = [drawn(sizes), drawn(oddBudgets), drawn(settings)];
      const begins = JSON.stringify({ step: maxBatchInputTokens, width, height, budget, asked });
      process.send?.({ begins } satisfies Told);
      const { outcome } = await askOddly(loaded.model, plainPicture(width, height, n), budget, asked);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    await loaded.dispose();
  }
  process.send?.({ outcomes } satisfies Told);
}

async function watchFamily(name: string): Promise<boolean> {
  const child = fork(process.argv[1] ?? '', [
    '--child',
    `--seed=${String(seed)}`,
    `--cases=${String(cases)}`,
    `--megapixels=${String(megapixels)}`,
    name,
  ]);
  let [at, ended] = ['loading', ''];
  child.on('message', (told: Told) => {
    if ('begins' in told) at = told.begins;
    else ended = JSON.stringify(told.outcomes);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  console.log(`${name}: ${code === 0 ? ended : `ended with ${String(signal ?? code)} at ${at}`}`);
  return code === 0;
}

const names = chosenNames(positionals, faithfulNames);
if (values.child) {
  for (const name of names) await tryFamily(name);
  process.disconnect();
} else {
  for (const name of names) if (!(await watchFamily(name))) process.exitCode = 1;
}
