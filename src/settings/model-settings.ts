import type { LoadSettings } from '../backend/index.ts';
import { defaultOf } from './option.ts';
import { options } from './options.ts';
import type { Settings } from './options.ts';

/** The options that a backend loads a model by: they have the same names there. */
const loadSettingNames = [
  'maxLength',
  'maxBatchSize',
  'devices',
  'enablePrefixCaching',
  'maxVisionCacheEntries',
  'mmprojEncoding',
  'maxBatchInputTokens',
  'deviceMemoryUtilization',
  'kvCacheFormat',
  'flashAttention',
  'mmap',
  'mlock',
  'threads',
  'threadsBatch',
] as const;

/** What a backend needs of the settings. That a name is missing above is an error of types. */
export function loadSettingsOf(settings: Pick<Settings, (typeof loadSettingNames)[number]>): LoadSettings {
  return pick(settings, loadSettingNames);
}

/** What a backend is told where nothing was set. */
export const defaultLoadSettings: LoadSettings = loadSettingsOf(
  Object.fromEntries(loadSettingNames.map((name) => [name, defaultOf<unknown>(options[name], {})])) as Settings,
);

function pick<T extends object, Name extends keyof T>(from: T, names: readonly Name[]): Pick<T, Name> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<T, Name>;
}
