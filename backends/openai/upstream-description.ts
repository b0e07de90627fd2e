import type { Capabilities } from '../../src/backend/index.ts';
import type { Dialect } from './dialect.ts';
import { having, isIn } from './dialect.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import { DEFAULT_CAPACITY } from './upstream-config.ts';
import type { JsonAnswer, UpstreamClient } from './upstream-client.ts';

/** What an upstream tells of itself. */
export interface UpstreamDescription {
  readonly dialect: Dialect;
  /** Its name of the model. */
  readonly model: string;
  readonly capabilities: Capabilities;
  /** Tokens of one conversation; undefined if it does not tell. */
  readonly contextLength: number | undefined;
  readonly capacity: number;
}

/** What the model is called here: unless it is given, the first upstream that answers decides. */
export interface Naming {
  name: string | undefined;
}

/** Why an upstream cannot be used as it is. */
export class Unusable extends Error {}

interface ModelJson {
  readonly id?: unknown;
  readonly owned_by?: unknown;
  readonly max_model_len?: unknown;
  readonly architecture?: { readonly input_modalities?: unknown };
  readonly supported_parameters?: unknown;
  readonly capabilities?: unknown;
  readonly meta?: { readonly n_ctx?: unknown } | null;
}

interface PropsJson {
  readonly total_slots?: unknown;
  readonly default_generation_settings?: { readonly n_ctx?: unknown };
  readonly modalities?: { readonly vision?: unknown };
}

/**
 * Asks an upstream for its models, and an engine of llama.cpp's kind for its properties. Throws `Unusable`, or the error of
 * the connection.
 */
export async function describeUpstream(
  client: UpstreamClient,
  config: UpstreamConfig,
  naming: Naming,
  signal: AbortSignal,
): Promise<UpstreamDescription> {
  const models = modelsOf(await client.ask('GET', '/v1/models', signal));
  const id = modelIdOf(models, config, naming);
  const model = models.find((listed) => listed.id === id) ?? {};
  const dialect = config.dialect ?? dialectOf(model);
  const isLlama = dialect === 'llama-server' || dialect === 'vserve';
  const props = isLlama ? propsOf(await client.ask('GET', '/props', signal)) : {};
  return {
    dialect,
    model: id,
    capabilities: capabilitiesOf(dialect, model, props, config),
    contextLength:
      numberOf(props.default_generation_settings?.n_ctx) ??
      numberOf(model.max_model_len) ??
      numberOf(model.meta?.n_ctx),
    capacity: config.capacity ?? numberOf(props.total_slots) ?? DEFAULT_CAPACITY,
  };
}

/** A server without a list of models may be used by names that are given. */
function modelsOf({ status, body }: JsonAnswer): readonly ModelJson[] {
  if (status === 404 || status === 405) return [];
  if (status === 401 || status === 403) throw new Unusable('it does not accept the key');
  if (status !== 200) throw new Error(`/v1/models answers HTTP ${String(status)}`);
  const { data } = (body ?? {}) as { readonly data?: unknown };
  return Array.isArray(data) ? (data as readonly ModelJson[]) : [];
}

/** Its name of the model. Takes its first where there is no name yet. */
function modelIdOf(models: readonly ModelJson[], { models: given }: UpstreamConfig, naming: Naming): string {
  const ids = models.map(({ id }) => id).filter((id) => typeof id === 'string');
  const names = given ?? new Map(ids.map((id) => [id, id]));
  // A server that lists nothing takes any name that is given.
  if (names.size === 0 && naming.name !== undefined) return naming.name;
  const [first] = names.keys();
  if (first === undefined) throw new Unusable('it lists no models: name one with --model');
  naming.name ??= first;
  const id = names.get(naming.name);
  if (id !== undefined) return id;
  throw new Unusable(`it has ${[...names.keys()].join(', ')}, and not ${naming.name}`);
}

const OWNERS: Readonly<Record<string, Dialect>> = {
  vserve: 'vserve',
  vllm: 'vllm',
  sglang: 'sglang',
  llamacpp: 'llama-server',
};

function dialectOf({ owned_by: owner, max_model_len: length }: ModelJson): Dialect {
  // MAX names no owner; by the length it is told from servers that have nothing but OpenAI's fields.
  if (owner === '' && length !== undefined) return 'max';
  return (typeof owner === 'string' ? OWNERS[owner] : undefined) ?? 'openai';
}

function propsOf({ status, body }: JsonAnswer): PropsJson {
  return status === 200 && typeof body === 'object' && body !== null ? body : {};
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}

/** The samplers beyond those that every backend has. */
const LLAMA_SAMPLERS = ['dry', 'topNSigma', 'typicalP', 'xtc', 'adaptiveP'] as const;
const MOST_CHOICES = 128;

/**
 * What can be asked of an upstream at all. Fields that its dialect lacks are refused one by one when they come; what a
 * server of OpenAI's kind cannot, it refuses itself.
 */
function capabilitiesOf(
  dialect: Dialect,
  model: ModelJson,
  props: PropsJson,
  { capabilities }: UpstreamConfig,
): Capabilities {
  const isOurs = dialect === 'vserve';
  const takes = (name: string): boolean => !isOurs || includes(model.supported_parameters, name);
  const isLlama = isOurs || dialect === 'llama-server';
  return {
    vision: visionOf(model, props),
    tools: takes('tools'),
    structuredOutput: takes('response_format'),
    reasoning: takes('reasoning'),
    logProbs: takes('logprobs'),
    maxChoices: isIn(having.allButMax, dialect) && takes('n') ? MOST_CHOICES : 1,
    answerControl: takes('logit_bias'),
    ignoreEos: dialect !== 'openai',
    prefill: dialect !== 'openai' && dialect !== 'max',
    progress: isOurs ? takes('return_progress') : isLlama,
    mirostat: isLlama,
    ...(isLlama ? { samplers: isOurs ? [...LLAMA_SAMPLERS, 'noRepeatNgram'] : LLAMA_SAMPLERS } : {}),
    embeddings: isOurs ? includes(model.capabilities, 'embedding') : false,
    imageBudgets: true,
    rawPrompts: true,
    ...capabilities,
  };
}

/** Unless an upstream says that it has no eyes, it may have some. */
function visionOf({ architecture }: ModelJson, { modalities }: PropsJson): boolean {
  if (typeof modalities?.vision === 'boolean') return modalities.vision;
  return architecture?.input_modalities === undefined || includes(architecture.input_modalities, 'image');
}

function includes(list: unknown, word: string): boolean {
  return Array.isArray(list) && list.includes(word);
}
