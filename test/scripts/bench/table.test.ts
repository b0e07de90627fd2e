import { expect, test } from 'vitest';
import { record } from '../../../scripts/bench/figures.ts';
import type { Figure, Reading } from '../../../scripts/bench/figures.ts';
import { toTable } from '../../../scripts/bench/table.ts';

function figuresOf(...rows: [Parameters<typeof record>[1], Reading][]): Figure[] {
  const figures = new Map<string, Figure>();
  for (const [contender, reading] of rows) record(figures, contender, [reading], undefined);
  return [...figures.values()];
}

const rate = (value: number): Reading => ({ name: 'output', unit: 'tokens/s', value });
const time = (value: number): Reading => ({ name: 'TTFT', unit: 'ms', value });

test('A ratio above one means that vserve is better, for rates and for times', () => {
  const table = toTable(
    figuresOf(['vserve', rate(150)], ['llama-server', rate(100)], ['vserve', time(150)], ['llama-server', time(75)]),
  );
  expect(table.split('\n')).toEqual([
    '|  | vserve | llama-server | vserve is better by |',
    '| --- | ---: | ---: | ---: |',
    '| output, tokens/s | 150 | 100 | 1.50× |',
    '| TTFT, ms | 150 | 75.0 | 0.50× |',
  ]);
});

test('Medians stand with their range, and what was not measured stays empty', () => {
  const other: Reading = { name: 'other', unit: 'ms', value: 1 };
  const table = toTable(
    figuresOf(['vserve', time(30)], ['vserve', time(10)], ['vserve', time(20)], ['llama-batched-bench', other]),
  );
  expect(table.split('\n').slice(2)).toEqual(['| TTFT, ms | 20.0 (10.0–30.0) |  |  |', '| other, ms |  | 1.00 |  |']);
});
