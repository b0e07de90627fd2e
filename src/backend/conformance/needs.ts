import type { LoadedModel } from '../loaded-model.ts';
import type { Capabilities } from '../model-info.ts';
import type { Need } from './trial.ts';

/** A capability that is declared. */
export function can(capability: Exclude<keyof Capabilities, 'maxChoices' | 'samplers'>): Need {
  return { lack: `capabilities.${capability}`, isMet: ({ info }) => info.capabilities[capability] === true };
}

type OptionalMethod =
  'countPrompt' | 'renderPrompt' | 'tokenize' | 'detokenize' | 'tokenIds' | 'resetPrefixCache' | 'embed';

/** A method that a model may lack. */
export function has(name: OptionalMethod): Need {
  return { lack: name, isMet: (model: LoadedModel) => model[name] !== undefined };
}

/** A method of a model that was found to have it. */
export function methodOf<Name extends OptionalMethod>(model: LoadedModel, name: Name): NonNullable<LoadedModel[Name]> {
  const method = model[name];
  if (method === undefined) throw new TypeError(`The model has no ${name}.`);
  return method.bind(model) as NonNullable<LoadedModel[Name]>;
}
