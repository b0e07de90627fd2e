import { options, settingNames } from '../settings/index.ts';
import type { LoadedSettings, Option, SettingName } from '../settings/index.ts';
import { printable } from './printable.ts';

const alwaysShown: readonly SettingName[] = [
  'model',
  'backend',
  'devices',
  'host',
  'port',
  'maxRequestMemoryBytes',
  'httpBodyTimeoutS',
];

/**
 * The settings as lines for people: those that matter most and those that are not at their defaults; with
 * `--pretty-print-config` all of them, each with where its value came from.
 */
export function describeConfiguration({ settings, origins }: LoadedSettings<SettingName>): string {
  const isFull = settings.prettyPrintConfig;
  const names = settingNames.filter(
    (name) => isFull || (name !== 'prettyPrintConfig' && (alwaysShown.includes(name) || origins[name] !== 'default')),
  );
  const rows = names.map((name) => ({
    label: labelOf(name),
    value: valueOf(name, settings[name]),
    origin: origins[name],
  }));
  const labelWidth = Math.max(...rows.map(({ label }) => label.length));
  return rows
    .map(({ label, value, origin }) => `  ${label.padEnd(labelWidth)}  ${value}${isFull ? ` (${origin})` : ''}`)
    .join('\n');
}

function labelOf(name: SettingName): string {
  const { flags, environment }: Option<unknown> = options[name];
  return flags[0] ?? environment ?? name;
}

function valueOf(name: SettingName, value: unknown): string {
  const { default: standard, defaultText, secret }: Option<unknown> = options[name];
  if (value === standard && defaultText !== undefined) return defaultText;
  return secret === true ? 'given, not shown' : printable(showValue(value));
}

/** The value of a setting as people write it. */
export function showValue(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'none';
}
