import type { LoadSettings } from '../backend/index.ts';
import { defaultOf } from './option.ts';
import { options } from './options.ts';
import type { Settings } from './options.ts';

/** The options that a backend needs to load a model, under the same names. */
export const loadSettingNames = [
  'chatTemplate',
  'maxLength',
  'maxBatchSize',
  'devices',
  'enablePrefixCaching',
  'maxVisionCacheEntries',
  'mmprojEncoding',
  'imageMinTokens',
  'imageMaxTokens',
  'maxBatchInputTokens',
  'deviceMemoryUtilization',
  'kvCacheFormat',
  'flashAttention',
  'mmap',
  'mlock',
  'embeddings',
  'pooling',
  'threads',
  'threadsBatch',
  'upstreams',
  'upstreamsFile',
  'upstreamApiKey',
  'upstreamPolicy',
  'upstreamTimeoutS',
  'upstreamHealthIntervalS',
  'upstreamMaxImagePixels',
  'mediaPassthrough',
] as const;

/** The settings for a backend. A name missing above is a type error. */
export function loadSettingsOf(settings: Pick<Settings, (typeof loadSettingNames)[number]>): LoadSettings {
  return pick(settings, loadSettingNames);
}

/** The settings for a backend if nothing is set. */
export const defaultLoadSettings: LoadSettings = loadSettingsOf(
  Object.fromEntries(loadSettingNames.map((name) => [name, defaultOf<unknown>(options[name], {})])) as Settings,
);

function pick<T extends object, Name extends keyof T>(from: T, names: readonly Name[]): Pick<T, Name> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<T, Name>;
}
