import { option } from '../option.ts';
import { optional, text, toggle } from '../value-kinds.ts';
import { runtimeFolder, storeFolder } from './default-folders.ts';

/** Where options and files are. */
export const generalOptions = {
  configFile: option({
    group: 'General',
    flags: ['config-file'],
    argument: 'path',
    inConfigFile: false,
    help: 'YAML file of options, named like the flags',
    kind: optional(text('the path of a YAML file')),
    default: undefined,
  }),
  prettyPrintConfig: option({
    group: 'General',
    flags: ['pretty-print-config'],
    help: 'Print every option at the start, and where its value came from',
    kind: toggle(),
    default: false,
  }),
  home: option({
    group: 'General',
    flags: [],
    environment: 'VSERVE_HOME',
    help: 'Folder for downloaded and converted models',
    kind: text('the path of a folder'),
    default: storeFolder,
  }),
  runtimeFolder: option({
    group: 'General',
    flags: [],
    environment: 'VSERVE_RUNTIME_DIR',
    help: 'Folder of the files by which vserve ps and stop find running servers',
    kind: text('the path of a folder'),
    default: runtimeFolder,
  }),
} as const;
