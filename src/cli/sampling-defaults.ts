import type { SamplingSettings } from '../backend/index.ts';
import type { Settings } from '../settings/index.ts';

/** What requests get that set none. */
export function samplingDefaultsOf({
  temperature,
  topK,
}: Pick<Settings, 'temperature' | 'topK'>): Partial<SamplingSettings> {
  return { ...(temperature === undefined ? {} : { temperature }), ...(topK === undefined ? {} : { topK }) };
}
