import type { Command } from 'commander';
import type { DeviceMemory } from '../backend/index.ts';
import { choosePrecision, contextTokens, describeModel, precisionFits } from '../store/index.ts';
import type { DescribedModel } from '../store/index.ts';
import type { Context } from './context.ts';
import { converterSettingNames, loadConverter } from './converter.ts';
import { hubAccess, hubSettingNames } from './hub-access.ts';
import { formatBytes, formatCount, printable } from './printable.ts';
import { retryReporter } from './retry-reporter.ts';
import { addSettingFlags } from './setting-flags.ts';
import { formatTable } from './table.ts';
import { verbSettings } from './verb-settings.ts';

const settingNames = ['home', 'devices', 'backend', ...converterSettingNames, ...hubSettingNames] as const;

/** Makes `command` the verb `show`. */
export function define(command: Command, context: Context): void {
  command
    .argument('<model>', 'A folder, a .gguf file, an id (org/name, also on the Hub) or an ID of the store')
    .option('--json', 'Print JSON');
  addSettingFlags(command, [
    'huggingfaceModelRevision',
    'weightPath',
    ...converterSettingNames,
    'devices',
    'backend',
    'logLevel',
  ]);
  command.action((target: string, { json }: { json?: true }) => show(command, target, json === true, context));
}

async function show(command: Command, target: string, json: boolean, context: Context): Promise<void> {
  const { output, signal, dependencies } = context;
  const { settings } = await verbSettings(command, settingNames, context);
  const { home, devices } = settings;
  const reportRetry = retryReporter(output);
  const loadBackend = () => dependencies.findBackend(settings.backend);
  const model = await describeModel(target, {
    home,
    hub: hubAccess(settings, dependencies, (event) => {
      reportRetry(event);
      if (event.type === 'warning') output.log('warning', event.message);
    }),
    loadConverter: () => loadConverter(settings, dependencies),
    backend: { load: loadBackend, devices },
    log: output.log,
    signal,
  });
  const backend = await loadBackend();
  const memory = await backend.deviceMemory?.(devices, { log: () => undefined, signal });
  const fits = precisionFits(model.description, memory);
  const { supportedArchitectures } = await dependencies.loadConverter();
  const known = supportedArchitectures().find(({ architecture }) => architecture === model.description.architecture);
  if (json) {
    const auto = model.type === 'checkpoint' ? choosePrecision(model.description, memory).precision : undefined;
    const description = namedAsInText(model, known?.family);
    output.print(JSON.stringify({ ...model, description, memory, precisions: fits, auto }, undefined, 2));
    return;
  }
  const note = settings.converter === 'llama.cpp' && model.type === 'checkpoint' ? ['  Sizes are estimates.'] : [];
  const sizes = isProjector(model.description.architecture) ? [] : [precisions(model, memory)];
  output.print([heading(model), formatTable(facts(model, memory, known?.family)), ...sizes, ...note].join('\n\n'));
}

/** A GGUF file has only llama.cpp's name. */
function namedAsInText({ type, description }: DescribedModel, knownFamily: string | undefined): object {
  return type === 'gguf' ? description : { ...description, family: knownFamily, inLlamaCpp: description.family };
}

function heading({ path, commit, description: { name } }: DescribedModel): string {
  if (commit !== undefined) return `${path} on the Hub, at commit ${commit}`;
  return name === undefined ? path : `${name}: ${path}`;
}

function isProjector(architecture: string): boolean {
  return architecture === 'clip';
}

function kindOf(type: DescribedModel['type'], architecture: string): string {
  if (type === 'checkpoint') return 'Hugging Face checkpoint, to be converted';
  return isProjector(architecture) ? 'GGUF vision projector, for --mmproj' : 'GGUF model';
}

/** `knownFamily` is the name in `vserve list --architectures`. */
function facts(
  { type, description }: DescribedModel,
  memory: DeviceMemory | undefined,
  knownFamily: string | undefined,
): string[][] {
  const { architecture, family, parameters, visionParameters, contextLength, contextBytesPerToken } = description;
  const rows = [
    ['Kind', kindOf(type, architecture)],
    ['Architecture', architecture],
    ...(type === 'gguf'
      ? []
      : [
          ['Family', knownFamily ?? 'unknown to the built-in converter'],
          ['In llama.cpp', family],
        ]),
    ['Precision', description.precision],
    ['Parameters', formatCount(parameters)],
    ...(isProjector(architecture)
      ? []
      : [
          ['Vision', visionParameters === undefined ? 'no' : `${formatCount(visionParameters)} parameters`],
          ['Context', `${contextLength ?? 'unknown'} tokens, at most ${formatBytes(contextBytesPerToken)} each`],
          ['Sampling', samplingOf(description)],
          ...(description.unfollowed ?? []).map((setting) => ['Not followed', printable(setting)]),
        ]),
    ['Memory', memory === undefined ? 'unknown' : `${formatBytes(memory.freeBytes)} free (${memory.device})`],
  ];
  return rows.map(([label = '', value = '']) => [`  ${label}`, value]);
}

/** The defaults that the model brings along. */
function samplingOf({ sampling }: DescribedModel['description']): string {
  if (sampling === undefined) return 'unknown until it is converted';
  const settings = Object.entries(sampling).map(([name, value]) => `${name} ${value}`);
  return settings.length === 0 ? 'no defaults of its own' : printable(settings.join(', '));
}

function precisions({ type, description, conversions }: DescribedModel, memory: DeviceMemory | undefined): string {
  const header = ['  PRECISION', 'FILES', `WITH ${contextTokens(description)} TOKENS`, 'FITS', ''];
  const auto = type === 'checkpoint' ? choosePrecision(description, memory).precision : undefined;
  const rows = precisionFits(description, memory).map(({ precision, bytes, memoryBytes, fits }) => {
    const made = conversions.find((conversion) => conversion.precision === precision);
    const notes = [
      ...(precision === auto ? ['what auto takes'] : []),
      ...(made === undefined ? [] : [`converted: ${made.path}`]),
    ];
    const answer = fits === undefined ? 'unknown' : fits ? 'yes' : 'no';
    return [`  ${precision}`, formatBytes(bytes), formatBytes(memoryBytes), answer, notes.join('; ')];
  });
  return formatTable([header, ...rows]);
}
