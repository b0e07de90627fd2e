import { option } from '../option.ts';
import { duration, optional, text, wholeNumber } from '../value-kinds.ts';

/** Which models a server has besides the one, and how long each stays in memory. */
export const severalOptions = {
  modelsFile: option({
    group: 'Server',
    flags: ['models-file'],
    argument: 'path',
    help: 'YAML file of models to serve, each with options of its own, and loaded when a request names it',
    kind: optional(text('the path of a YAML file')),
    default: undefined,
    defaultText: 'none',
  }),
  keepAlive: option({
    group: 'Server',
    flags: ['keep-alive'],
    argument: 'duration',
    environment: 'VSERVE_KEEP_ALIVE',
    inDotEnv: true,
    help: 'How long a model stays in memory without requests, such as 5m',
    kind: optional(duration()),
    default: undefined,
    defaultText: 'for as long as there is room',
  }),
  maxLoadedModels: option({
    group: 'Server',
    flags: ['max-loaded-models', 'models-max'],
    argument: 'n',
    environment: 'VSERVE_MAX_LOADED_MODELS',
    inDotEnv: true,
    help: 'Maximum models in memory at a time, where there are several',
    kind: optional(wholeNumber(1)),
    default: undefined,
    defaultText: 'as many as there is room for',
  }),
} as const;
