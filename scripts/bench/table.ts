import type { Contender, Figure } from './figures.ts';
import { contenders } from './figures.ts';
import { median } from './statistics.ts';

/**
 * The figures as a Markdown table: a line a figure, a column for each contender that was measured, medians with the
 * least and the greatest value, and in the last column how many times better vserve is than llama-server (above 1:
 * vserve is better, whether the figure should be high or low).
 */
export function toTable(figures: readonly Figure[]): string {
  const columns = contenders.filter((contender) => figures.some(({ values }) => values[contender] !== undefined));
  const lines = figures.map((figure) => [
    `${figure.name}, ${figure.unit}`,
    ...columns.map((contender) => cell(valuesOf(figure, contender))),
    ratio(figure),
  ]);
  return [['', ...columns, 'vserve is better by'], ['---', ...columns.map(() => '---:'), '---:'], ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function valuesOf({ values }: Figure, contender: Contender): readonly number[] {
  return values[contender]?.map(({ value }) => value) ?? [];
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return '';
  const middle = short(median(values));
  return values.length === 1 ? middle : `${middle} (${short(Math.min(...values))}–${short(Math.max(...values))})`;
}

function ratio(figure: Figure): string {
  const ours = median(valuesOf(figure, 'vserve'));
  const theirs = median(valuesOf(figure, 'llama-server'));
  const times = figure.unit === 'tokens/s' ? ours / theirs : theirs / ours;
  return Number.isNaN(times) ? '' : `${times.toFixed(2)}×`;
}

/** The measurement is good for three significant digits. */
function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
