import type { Answer } from './answer.ts';
import type { JsonRecord } from './json.ts';
import { isRecord, numberAt } from './json.ts';

/** A figure about an answer, ready to be shown. */
export interface Figure {
  readonly label: string;
  readonly value: string;
}

/** The speed and the size of an answer. What is not known is left out. */
export function figuresOf(answer: Answer): readonly Figure[] {
  const { usage, firstMs, totalMs } = answer;
  const promptTokens = numberAt(usage, 'prompt_tokens');
  const cached = numberAt(usage, 'prompt_tokens_details', 'cached_tokens') ?? 0;
  const images = numberAt(usage, 'prompt_tokens_details', 'image_tokens') ?? 0;
  const thoughts = numberAt(usage, 'completion_tokens_details', 'reasoning_tokens') ?? 0;
  return [
    figure('Speed', tokensPerSecond(answer), (value) => `${rounded(value)} tokens/s`),
    figure('First token', firstMs, duration),
    figure('Total', totalMs, duration),
    figure('Prompt', promptTokens, (tokens) =>
      withNotes(tokens, [
        [images, 'for images'],
        [cached, 'cached'],
      ]),
    ),
    figure('Answer', numberAt(usage, 'completion_tokens'), (tokens) => withNotes(tokens, [[thoughts, 'reasoning']])),
  ].filter((shown) => shown !== undefined);
}

/** As the server measured it, or as it came here. */
function tokensPerSecond({ timings, usage, firstMs, totalMs }: Answer): number | undefined {
  const measured = numberAt(timings, 'predicted_per_second');
  if (measured !== undefined && measured > 0) return measured;
  const further = (numberAt(usage, 'completion_tokens') ?? 0) - 1;
  const ms = (totalMs ?? 0) - (firstMs ?? 0);
  return further > 0 && firstMs !== undefined && ms > 0 ? (1000 * further) / ms : undefined;
}

function figure<Value>(label: string, value: Value | undefined, show: (value: Value) => string): Figure | undefined {
  return value === undefined ? undefined : { label, value: show(value) };
}

function withNotes(tokens: number, notes: readonly (readonly [number, string])[]): string {
  const shown = notes.filter(([count]) => count > 0).map(([count, what]) => `${String(count)} ${what}`);
  const counted = tokens === 1 ? '1 token' : `${String(tokens)} tokens`;
  return shown.length === 0 ? counted : `${counted} (${shown.join(', ')})`;
}

/** Milliseconds, as a person reads them. */
export function duration(ms: number): string {
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${rounded(ms / 1000)} s`;
}

function rounded(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** What the server tells of a picture: labels out of its keys, and values as text. */
export function receiptOf(details: JsonRecord): readonly Figure[] {
  return Object.entries(details).flatMap(([key, value]) => {
    // Its place in the request is known here.
    const shown = key === 'param' ? undefined : receiptValue(value, key.endsWith('_ms'));
    return shown === undefined ? [] : [{ label: labelOf(key), value: shown }];
  });
}

function labelOf(key: string): string {
  const words = key.replace(/_ms$/, '').replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function receiptValue(value: unknown, isTime: boolean): string | undefined {
  if (typeof value === 'number') return isTime ? duration(value) : String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  const size = sizeIn(value);
  if (size !== undefined) return `${String(size.width)} × ${String(size.height)}`;
  return isRecord(value) ? trueKeys(value) : undefined;
}

function trueKeys(value: JsonRecord): string {
  const keys = Object.keys(value).filter((key) => value[key] === true);
  return keys.length === 0 ? 'no' : keys.join(', ');
}

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A size out of JSON: `{width, height}` or `[width, height]`. */
export function sizeIn(value: unknown): Size | undefined {
  const width = numberAt(value, 'width') ?? numberAt(value, 0);
  const height = numberAt(value, 'height') ?? numberAt(value, 1);
  const isPair = !Array.isArray(value) || value.length === 2;
  return width !== undefined && height !== undefined && isPair ? { width, height } : undefined;
}

/** The size of a picture as the model saw it, from what the server tells of it. */
export function seenSize(details: JsonRecord | undefined): Size | undefined {
  return sizeIn(details?.['seen']);
}
