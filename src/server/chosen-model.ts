import { show } from '../api/index.ts';
import type { LoadedModel } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { Adapters } from './adapters.ts';

/** What a request can be for: the model that is served, and its adapters. */
export interface ModelChoice {
  readonly model: LoadedModel;
  readonly servedModelName: string;
  readonly adapters?: Adapters | undefined;
}

/**
 * What a request works with that names a model: for an adapter, the model with it and its name in place of the model's.
 * Throws `model_not_found` for the name of what is not served.
 */
export function chosenModel<Choice extends ModelChoice>(name: string | undefined, options: Choice): Choice {
  const { servedModelName, adapters } = options;
  if (name === undefined || name === '' || name === servedModelName) return options;
  // Ollama's clients give every model a tag.
  const adapter = adapters?.find(name) ?? adapters?.find(name.replace(/:latest$/, ''));
  if (adapter === undefined) throw unknownModel(name, options);
  return { ...options, model: adapter.model, servedModelName: adapter.name };
}

/** The error of a model that is not served here. */
export function unknownModel(id: string, { servedModelName, adapters }: Omit<ModelChoice, 'model'>): VserveError {
  const names = [servedModelName, ...(adapters?.names ?? [])].map((name) => JSON.stringify(name));
  return new VserveError(
    'model_not_found',
    `The model ${show(id)} is not served here. This server has ${names.join(', ')}.`,
    { param: 'model' },
  );
}
