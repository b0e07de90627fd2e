export { loadSettings } from './load-settings.ts';
export type { LoadedSettings, SettingsInput } from './load-settings.ts';
export type { Option } from './option.ts';
export { options, settingNames } from './options.ts';
export type { SettingName, Settings } from './options.ts';
export type { Environment, Flags } from './sources.ts';
