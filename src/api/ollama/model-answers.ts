import type { ModelInfo } from '../../backend/index.ts';
import type { CapabilityWord, DetailsJson } from '../model/details.ts';
import { capabilityWords, detailsJson } from '../model/details.ts';
import type { ListedModel } from '../model/served-model.ts';
import { taggedName } from './model-name.ts';
import { parametersText } from './parameters.ts';

/** Of a model that stays in memory: a day that no client's calendar lacks. */
const NEVER = '2200-01-01T00:00:00Z';

interface ListedModelJson {
  readonly name: string;
  readonly model: string;
  readonly modified_at: string;
  /** In bytes; 0 where it is not known. */
  readonly size: number;
  /** Empty: files are not hashed when they are served. */
  readonly digest: string;
  readonly details: DetailsJson;
  readonly capabilities: readonly CapabilityWord[];
}

interface RunningModelJson extends Omit<ListedModelJson, 'modified_at' | 'capabilities'> {
  readonly expires_at: string;
  readonly size_vram: number;
  readonly context_length: number;
}

interface ShownModelJson {
  readonly modelfile: string;
  readonly parameters: string;
  readonly template: string;
  readonly details: DetailsJson;
  readonly model_info: Readonly<Record<string, string | number>>;
  readonly capabilities: readonly CapabilityWord[];
  readonly modified_at: string;
}

/** `/api/tags` */
export function tagsJson(models: readonly ListedModel[]): { readonly models: readonly ListedModelJson[] } {
  return {
    models: models.map((model) => ({
      ...listedJson(model),
      modified_at: model.since.toISOString(),
      capabilities: capabilityWords(model.info?.capabilities ?? { vision: false }),
    })),
  };
}

/** `/api/ps` */
export function runningJson(models: readonly ListedModel[]): { readonly models: readonly RunningModelJson[] } {
  return {
    models: models.flatMap((model) => {
      const { info, state } = model;
      if (info === undefined || (state !== undefined && state.status !== 'loaded')) return [];
      const listed = listedJson(model);
      const isOnCpu = info.device === 'none' || info.device.startsWith('cpu');
      return {
        ...listed,
        expires_at: state?.expiresAt?.toISOString() ?? NEVER,
        size_vram: isOnCpu ? 0 : listed.size,
        context_length: info.contextLength,
      };
    }),
  };
}

/** Of a model that was never loaded. */
const UNKNOWN: ModelInfo = {
  capabilities: { vision: false },
  contextLength: 0,
  maxBatchSize: 1,
  samplingDefaults: {},
  device: 'none',
};

/** `/api/show` */
export function showJson({ name, info = UNKNOWN, since }: ListedModel): ShownModelJson {
  const parameters = parametersText(info);
  return {
    modelfile: [
      `FROM ${name}`,
      ...parameters.split('\n').map((line) => `PARAMETER ${line.replace(/ +/, ' ')}`),
      '',
    ].join('\n'),
    parameters,
    template: info.description?.chatTemplate ?? '',
    details: detailsJson(info),
    model_info: modelInfoJson(info),
    capabilities: capabilityWords(info.capabilities),
    modified_at: since.toISOString(),
  };
}

function listedJson({ name, info }: ListedModel): Omit<ListedModelJson, 'modified_at' | 'capabilities'> {
  const tagged = taggedName(name);
  return {
    name: tagged,
    model: tagged,
    size: info?.description?.sizeBytes ?? 0,
    digest: '',
    details: detailsJson(info),
  };
}

/**
 * The model by GGUF's keys, as far as it is known. The context is the server's: clients take what is here for what they
 * may use.
 */
function modelInfoJson({ contextLength, description = {} }: ModelInfo): Record<string, string | number> {
  const { architecture = 'unknown', parameterCount, embeddingLength, vocabularySize, tokenizer } = description;
  const entries: readonly (readonly [string, string | number | undefined])[] = [
    ['general.architecture', architecture],
    ['general.parameter_count', parameterCount],
    [`${architecture}.context_length`, contextLength],
    [`${architecture}.embedding_length`, embeddingLength],
    [`${architecture}.vocab_size`, vocabularySize],
    ['tokenizer.ggml.model', tokenizer],
  ];
  return Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
