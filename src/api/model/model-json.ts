import type { Capabilities, ModelInfo } from '../../backend/index.ts';
import type { CapabilityWord, DetailsJson } from './details.ts';
import { capabilityWords, detailsJson } from './details.ts';
import type { ListedModel, ModelState, ServedModel } from './served-model.ts';
import { supportedParameters } from './supported-parameters.ts';

/** llama-server's `meta`. What is not known is absent. */
interface MetaJson {
  readonly n_ctx: number;
  readonly n_ctx_train?: number;
  readonly n_vocab?: number;
  readonly n_embd?: number;
  readonly n_params?: number;
  /** In bytes. */
  readonly size?: number;
  readonly ftype?: string;
}

type Capability = CapabilityWord | 'multimodal' | 'structured_output';

/** OpenAI's model object, with what vLLM and MAX, OpenRouter, llama-server and Ollama add to it. */
export interface ModelJson {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since 1970. */
  readonly created: number;
  readonly owned_by: 'vserve';
  /** vLLM's and MAX's. */
  readonly max_model_len: number;
  readonly root: string;
  /** Of an adapter. */
  readonly parent: string | null;
  /** OpenRouter's. */
  readonly name: string;
  readonly context_length: number;
  readonly architecture: {
    readonly modality: 'text->text' | 'text+image->text';
    /** `file`: PDFs, whose pages become images. */
    readonly input_modalities: readonly ('text' | 'image' | 'file')[];
    readonly output_modalities: readonly ['text'];
    readonly tokenizer?: string;
    /** The kind of its vision projector, as llama.cpp names it: it tells how the model writes where something is. */
    readonly projector?: string;
  };
  readonly supported_parameters: readonly string[];
  readonly top_provider: {
    readonly context_length: number;
    readonly max_completion_tokens: number;
    readonly is_moderated: false;
  };
  /** llama-server's. */
  readonly meta: MetaJson;
  /** Ollama's words, llama-server's `multimodal`, and `structured_output`. */
  readonly capabilities: readonly Capability[];
  /** Ollama's. */
  readonly details: DetailsJson;
  /** llama-server's, where models come and go. */
  readonly status?: StatusJson;
}

/** llama-server's state of a model. */
interface StatusJson {
  readonly value: ModelState['status'];
  /** From 0 to 1. */
  readonly progress?: number;
  readonly stage?: string;
  readonly failed?: true;
}

/** A model of which no more is known: it was never loaded. */
export type BareModelJson = Pick<
  ModelJson,
  'id' | 'object' | 'created' | 'owned_by' | 'root' | 'parent' | 'name' | 'status'
>;

/** The model in the list of llama-server, which is Ollama's. */
interface ListedJson {
  readonly name: string;
  readonly model: string;
  readonly modified_at: string;
  readonly size: number;
  readonly digest: string;
  readonly type: 'model';
  readonly description: string;
  readonly tags: readonly string[];
  readonly capabilities: readonly Capability[];
  readonly parameters: string;
  readonly details: DetailsJson;
}

/** The answer of `GET /v1/models`. */
export interface ModelListJson {
  readonly object: 'list';
  readonly data: readonly (ModelJson | BareModelJson)[];
  readonly models: readonly ListedJson[];
}

export function modelJson(model: ServedModel): ModelJson;
export function modelJson(model: ListedModel): ModelJson | BareModelJson;
export function modelJson(model: ListedModel): ModelJson | BareModelJson {
  const { name, info, since, state, adapter } = model;
  const known = {
    id: name,
    object: 'model',
    created: Math.floor(since.getTime() / 1000),
    owned_by: 'vserve',
    root: adapter?.root ?? name,
    parent: adapter?.parent ?? null,
    name,
    ...(state === undefined ? {} : { status: statusJson(state) }),
  } as const;
  if (info === undefined) return known;
  const { capabilities, contextLength } = info;
  return {
    ...known,
    max_model_len: contextLength,
    context_length: contextLength,
    architecture: architectureJson(info),
    supported_parameters: supportedParameters(capabilities),
    top_provider: { context_length: contextLength, max_completion_tokens: contextLength, is_moderated: false },
    meta: metaJson(info),
    capabilities: allCapabilities(capabilities),
    details: detailsJson(info),
  };
}

export function modelListJson(models: readonly ListedModel[]): ModelListJson {
  return { object: 'list', data: models.map((model) => modelJson(model)), models: models.map(listedJson) };
}

function listedJson({ name, info, since }: ListedModel): ListedJson {
  return {
    name,
    model: name,
    modified_at: since.toISOString(),
    size: info?.description?.sizeBytes ?? 0,
    digest: '',
    type: 'model',
    description: '',
    tags: [],
    capabilities: allCapabilities(info?.capabilities ?? { vision: false }),
    parameters: '',
    details: detailsJson(info),
  };
}

function statusJson({ status, progress, hasFailed }: ModelState): StatusJson {
  return {
    value: status,
    ...(progress === undefined ? {} : { stage: progress.stage, progress: Math.round(progress.fraction * 1000) / 1000 }),
    ...(hasFailed === true ? { failed: true } : {}),
  };
}

function architectureJson({ capabilities, description }: ModelInfo): ModelJson['architecture'] {
  return {
    modality: capabilities.vision ? 'text+image->text' : 'text->text',
    input_modalities: capabilities.vision ? ['text', 'image', 'file'] : ['text'],
    output_modalities: ['text'],
    ...(description?.tokenizer === undefined ? {} : { tokenizer: description.tokenizer }),
    ...(description?.projector === undefined ? {} : { projector: description.projector }),
  };
}

function metaJson({ contextLength, description = {} }: ModelInfo): MetaJson {
  const { trainedContextLength, vocabularySize, embeddingLength, parameterCount, sizeBytes, quantization } =
    description;
  return {
    n_ctx: contextLength,
    ...(trainedContextLength === undefined ? {} : { n_ctx_train: trainedContextLength }),
    ...(vocabularySize === undefined ? {} : { n_vocab: vocabularySize }),
    ...(embeddingLength === undefined ? {} : { n_embd: embeddingLength }),
    ...(parameterCount === undefined ? {} : { n_params: parameterCount }),
    ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
    ...(quantization === undefined ? {} : { ftype: quantization }),
  };
}

function allCapabilities(capabilities: Capabilities): Capability[] {
  return [
    ...capabilityWords(capabilities),
    ...(capabilities.vision ? ['multimodal' as const] : []),
    ...(capabilities.structuredOutput === true ? ['structured_output' as const] : []),
  ];
}
