import type { LoadedModel } from '../loaded-model.ts';
import type { Capabilities } from '../model-info.ts';
import type { Need } from './trial.ts';

/** A capability that is declared. */
export function can(capability: Exclude<keyof Capabilities, 'maxChoices' | 'samplers'>): Need {
  return { lack: `capabilities.${capability}`, isMet: ({ info }) => info.capabilities[capability] === true };
}

type OptionalMethod =
  'countPrompt' | 'renderPrompt' | 'tokenize' | 'detokenize' | 'tokenIds' | 'resetPrefixCache' | 'work';

/** A method that a model may lack. */
export function has(method: OptionalMethod): Need {
  return { lack: method, isMet: (model: LoadedModel) => model[method] !== undefined };
}

/** A method of a model that was found to have it. */
export function required<Method>(method: Method | undefined): Method {
  if (method === undefined) throw new TypeError('A case ran that the model lacks the method for.');
  return method;
}
