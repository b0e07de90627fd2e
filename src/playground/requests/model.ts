import { listAt, numberAt, textAt } from './json.ts';

/** What the page needs to know of the model that is served. */
export interface Model {
  readonly id: string;
  /** In tokens. */
  readonly contextLength: number | undefined;
  /** The kind of its vision projector. */
  readonly projector: string | undefined;
  readonly takesImages: boolean;
  readonly takesDocuments: boolean;
  readonly reasons: boolean;
  readonly hasStructuredOutput: boolean;
  /** The server tells how much of a prompt is computed. */
  readonly reportsProgress: boolean;
  /** The server tells of each picture how the model saw it. */
  readonly hasImageDetails: boolean;
}

/** Reads the first model of `GET /v1/models`; undefined if there is none. */
export function readModel(list: unknown): Model | undefined {
  const [model] = listAt(list, 'data');
  const id = textAt(model, 'id');
  if (id === undefined) return undefined;
  const modalities = listAt(model, 'architecture', 'input_modalities');
  const capabilities = listAt(model, 'capabilities');
  const parameters = listAt(model, 'supported_parameters');
  return {
    id,
    contextLength: numberAt(model, 'context_length'),
    projector: textAt(model, 'architecture', 'projector'),
    takesImages: modalities.includes('image'),
    takesDocuments: modalities.includes('file'),
    reasons: capabilities.includes('thinking'),
    hasStructuredOutput: capabilities.includes('structured_output'),
    reportsProgress: parameters.includes('return_progress'),
    hasImageDetails: parameters.includes('include'),
  };
}
