import type { GenerationRouteOptions } from './route-options.ts';

/**
 * What a request works with that names a model: for an adapter, the model with it, and its name in place of the model's. Of
 * other names, the routes say what is wrong.
 */
export function chosenModel(name: string | undefined, own: GenerationRouteOptions): GenerationRouteOptions {
  if (name === undefined || own.adapters === undefined || own.names.includes(name)) return own;
  // Ollama's clients give every model a tag.
  const adapter = own.adapters.find(name) ?? own.adapters.find(name.replace(/:latest$/, ''));
  if (adapter === undefined) return own;
  const { model, name: servedModelName } = adapter;
  const served = { ...own.served, name: servedModelName, info: model.info };
  return { ...own, model, served, servedModelName, names: [servedModelName, name] };
}
