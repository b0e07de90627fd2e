import type { Capabilities, ModelInfo } from '../../backend/index.ts';
import { parameterSize } from './parameter-size.ts';

/** Ollama's `details` of a model. What is not known is empty or absent. */
export interface DetailsJson {
  readonly parent_model: string;
  readonly format: 'gguf';
  readonly family: string;
  readonly families: readonly string[];
  readonly parameter_size: string;
  readonly quantization_level: string;
  readonly context_length: number;
  readonly embedding_length?: number;
}

/** Ollama's words for what a model can do. */
export type CapabilityWord = 'completion' | 'vision' | 'tools' | 'thinking' | 'embedding';

/** Of a model that was never loaded. */
const UNKNOWN: Pick<ModelInfo, 'capabilities' | 'contextLength' | 'description'> = {
  capabilities: { vision: false },
  contextLength: 0,
};

/** The context is the server's, not the one the model was trained with: it is what a conversation may take. */
export function detailsJson({ capabilities, contextLength, description = {} }: typeof UNKNOWN = UNKNOWN): DetailsJson {
  const { architecture = '', parameterCount, quantization = '', embeddingLength } = description;
  return {
    parent_model: '',
    format: 'gguf',
    family: architecture,
    // A projector's file has the architecture clip. Older clients tell models with vision by it.
    families: [...(architecture === '' ? [] : [architecture]), ...(capabilities.vision ? ['clip'] : [])],
    parameter_size: parameterSize(parameterCount),
    quantization_level: quantization,
    context_length: contextLength,
    ...(embeddingLength === undefined ? {} : { embedding_length: embeddingLength }),
  };
}

export function capabilityWords({ vision, tools, reasoning, embeddings }: Capabilities): CapabilityWord[] {
  return [
    'completion',
    ...(vision ? ['vision' as const] : []),
    ...(tools === true ? ['tools' as const] : []),
    ...(reasoning === true ? ['thinking' as const] : []),
    ...(embeddings === true ? ['embedding' as const] : []),
  ];
}
