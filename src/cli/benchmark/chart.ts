import type { Run } from './run.ts';
import { reportOf } from './report.ts';

const WIDTH = 880;
const HEIGHT = 360;
/** Of a panel, around its plot. */
const MARGIN = { top: 44, right: 20, bottom: 48, left: 64 };
const PANEL = WIDTH / 2;
const PLOT = { width: PANEL - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
const COLORS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2'];
const TICKS = 5;

/** Draws the distributions of the times to the first token and of the latencies, and the throughput of each run, as SVG. */
export function chart(runs: readonly Run[], title: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    ...latencyPanel(runs),
    ...throughputPanel(runs),
    '</svg>',
    '',
  ].join('\n');
}

/** The share of requests that had their first token, or all of it, after so long. */
function latencyPanel(runs: readonly Run[]): string[] {
  const curves = runs.flatMap((run, i) => {
    const done = run.requests.filter(({ error }) => error === undefined);
    const color = COLORS[i % COLORS.length] ?? 'black';
    return [
      { name: `first token, ${label(run)}`, color, dash: '5 3', values: done.flatMap(({ ttftMs }) => ttftMs ?? []) },
      { name: `end, ${label(run)}`, color, dash: 'none', values: done.map(({ latencyMs }) => latencyMs) },
    ];
  });
  const most = niceCeiling(Math.max(1, ...curves.flatMap(({ values }) => values)));
  const lines = curves.map(({ values, color, dash }) => {
    const sorted = values.toSorted((a, b) => a - b);
    const points = sorted.map((value, i) => `${x(value / most)},${y((i + 1) / sorted.length)}`);
    const start = `${x((sorted[0] ?? 0) / most)},${y(0)}`;
    return `<polyline points="${[start, ...points].join(' ')}" fill="none" stroke="${color}" stroke-width="1.5" stroke-dasharray="${dash}"/>`;
  });
  const legend = curves.slice(0, 8).map(({ name, color, dash }, i) => {
    // Curves rise to the right: there is room below.
    const line = MARGIN.top + PLOT.height - 14 - 16 * i;
    const from = MARGIN.left + PLOT.width - 150;
    return `<line x1="${from}" x2="${from + 24}" y1="${line}" y2="${line}" stroke="${color}" stroke-dasharray="${dash}"/><text x="${from + 30}" y="${line + 4}">${escaped(name)}</text>`;
  });
  return panel(0, 'Requests done after', 'milliseconds', 'share of requests', [
    ...axisTicks(
      (part) => format(part * most),
      (part) => `${String(Math.round(part * 100))} %`,
    ),
    ...lines,
    ...legend,
  ]);
}

function throughputPanel(runs: readonly Run[]): string[] {
  const rates = runs.map((run) => reportOf(run).outputThroughput);
  const most = niceCeiling(Math.max(1, ...rates));
  const step = PLOT.width / runs.length;
  const bars = runs.map((run, i) => {
    const rate = rates[i] ?? 0;
    const width = Math.min(60, step * 0.6);
    const middle = MARGIN.left + step * (i + 0.5);
    const top = y(rate / most);
    return [
      `<rect x="${round(middle - width / 2)}" y="${top}" width="${round(width)}" height="${round(MARGIN.top + PLOT.height - top)}" fill="${COLORS[i % COLORS.length] ?? 'black'}"/>`,
      `<text x="${round(middle)}" y="${round(top - 5)}" text-anchor="middle">${rate.toFixed(1)}</text>`,
      `<text x="${round(middle)}" y="${MARGIN.top + PLOT.height + 18}" text-anchor="middle">${escaped(label(run))}</text>`,
    ].join('');
  });
  return panel(PANEL, 'Output throughput', 'concurrency', 'tokens/s', [
    ...axisTicks(undefined, (part) => format(part * most)),
    ...bars,
  ]);
}

function panel(left: number, title: string, xTitle: string, yTitle: string, content: readonly string[]): string[] {
  const bottom = MARGIN.top + PLOT.height;
  return [
    `<g transform="translate(${left} 0)">`,
    `<text x="${MARGIN.left}" y="24" font-size="14" font-weight="bold">${title}</text>`,
    `<path d="M${MARGIN.left},${MARGIN.top}V${bottom}H${MARGIN.left + PLOT.width}" fill="none" stroke="#64748b"/>`,
    `<text x="${MARGIN.left + PLOT.width / 2}" y="${HEIGHT - 10}" text-anchor="middle">${xTitle}</text>`,
    `<text transform="translate(14 ${MARGIN.top + PLOT.height / 2}) rotate(-90)" text-anchor="middle">${yTitle}</text>`,
    ...content,
    '</g>',
  ];
}

function axisTicks(xLabel: ((part: number) => string) | undefined, yLabel: (part: number) => string): string[] {
  const parts = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS);
  return parts.flatMap((part) => [
    `<text x="${MARGIN.left - 6}" y="${y(part) + 4}" text-anchor="end">${yLabel(part)}</text>`,
    `<line x1="${MARGIN.left}" x2="${MARGIN.left + PLOT.width}" y1="${y(part)}" y2="${y(part)}" stroke="#e2e8f0"/>`,
    ...(xLabel === undefined
      ? []
      : [`<text x="${x(part)}" y="${MARGIN.top + PLOT.height + 18}" text-anchor="middle">${xLabel(part)}</text>`]),
  ]);
}

function label({ maxConcurrency }: Run): string {
  return maxConcurrency === undefined ? 'no limit' : String(maxConcurrency);
}

function x(part: number): number {
  return round(MARGIN.left + part * PLOT.width);
}

function y(part: number): number {
  return round(MARGIN.top + (1 - part) * PLOT.height);
}

/** The next of 1, 2, 2.5, 5 and 10 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5].find((step) => step * power >= value) ?? 10) * power;
}

function format(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
