export { loadSettings } from './load-settings.ts';
export type { LoadedSettings, SettingsInput } from './load-settings.ts';
export type { Option, ValueKind } from './option.ts';
export { defaultLoadSettings, loadSettingsOf } from './model-settings.ts';
export { defaultOf, groups } from './option.ts';
export { options, settingNames } from './options.ts';
export type { SettingName, Settings } from './options.ts';
export { longPrecisions, shortByLong } from './precisions.ts';
export type { Environment, Flags } from './sources.ts';
