import { defaultOf, options, settingNames } from '../settings/index.ts';
import type { LoadedSettings, Option, SettingName, Settings, ValueKind } from '../settings/index.ts';
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
 * The settings, human-readable: the most important ones and those that differ from their defaults; with
 * `--pretty-print-config` all of them (`all`), each with its origin.
 */
export function describeConfiguration<Name extends SettingName>(
  { settings, origins }: LoadedSettings<Name>,
  all: readonly Name[],
): string {
  const isFull = (settings as Partial<Settings>).prettyPrintConfig === true;
  const names = settingNames
    .filter(isOneOf(all))
    .filter(
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

function isOneOf<Name extends SettingName>(names: readonly Name[]): (name: SettingName) => name is Name {
  return (name): name is Name => (names as readonly SettingName[]).includes(name);
}

function labelOf(name: SettingName): string {
  const { flags, environment }: Option<unknown> = options[name];
  return flags[0] ?? environment ?? name;
}

function valueOf(name: SettingName, value: unknown): string {
  const { kind, defaultText, secret }: Option<unknown> = options[name];
  if (value === defaultOf<unknown>(options[name]) && defaultText !== undefined) return defaultText;
  return secret === true ? 'set (hidden)' : printable(showValue(value, kind));
}

/** The value of a setting, human-readable. */
export function showValue(value: unknown, { show }: Pick<ValueKind<unknown>, 'show'>): string {
  const shown = show?.(value);
  if (shown !== undefined) return shown;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'none';
}
