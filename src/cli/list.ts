import type { Command } from 'commander';
import { listModels } from '../store/index.ts';
import type { StoredModel } from '../store/index.ts';
import type { Context } from './context.ts';
import { formatBytes } from './printable.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { formatNamedTable, formatTable } from './table.ts';
import { verbSettings } from './verb-settings.ts';

interface ListFlags {
  readonly json?: true;
  readonly architectures?: true;
}

/** Makes `command` the verb `list`. */
export function define(command: Command, context: Context): void {
  command
    .option('--json', 'Print JSON')
    .option('--architectures', 'List the architectures that can be converted instead');
  addSettingFlags(command, ['logLevel']);
  command.addHelpText('after', `\n${storeHelp()}`);
  command.action((flags: ListFlags) =>
    (flags.architectures === true ? architectures : models)(command, flags, context),
  );
}

async function models(command: Command, { json }: ListFlags, context: Context): Promise<void> {
  const { output } = context;
  const { settings } = await verbSettings(command, ['home'], context);
  const stored = await listModels(settings.home);
  if (json === true) {
    output.print(JSON.stringify(stored, undefined, 2));
  } else if (stored.length === 0) {
    output.note(`No models in ${settings.home} yet.`);
  } else {
    const header = ['MODEL', 'TYPE', 'PRECISION', 'SIZE', 'COMMIT', 'DATE', 'ID'];
    output.print(formatNamedTable([header, ...stored.map(rowOf)], output.columns()));
  }
}

function rowOf(model: StoredModel): string[] {
  const { name, type, precision = '-', bytes, commit = '-', createdAt, id, usedBy } = model;
  const date = createdAt.slice(0, 16).replace('T', ' ');
  const use = usedBy.length === 0 ? '' : ` (served by process ${usedBy.join(', ')})`;
  const shownId = type === 'download' ? '-' : id;
  return [name, type, precision, formatBytes(bytes), commit.slice(0, 12), date, `${shownId}${use}`];
}

async function architectures(_: Command, { json }: ListFlags, { output, dependencies }: Context): Promise<void> {
  const { supportedArchitectures } = await dependencies.loadConverter();
  const supported = supportedArchitectures();
  if (json === true) {
    output.print(JSON.stringify(supported, undefined, 2));
    return;
  }
  const rows = supported.map(({ architecture, family, vision }) => [architecture, family, vision ? 'yes' : 'no']);
  output.print(formatTable([['ARCHITECTURE', 'FAMILY', 'VISION'], ...rows]));
}
