import type { LoadedModel } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';

type Optional = 'countPrompt' | 'renderPrompt' | 'tokenize' | 'detokenize' | 'embed';

/** A method that not every backend has. Throws `unsupported_capability` for one that is missing. */
export function required<Name extends Optional>(model: LoadedModel, name: Name): NonNullable<LoadedModel[Name]> {
  const method = model[name];
  if (method !== undefined) return method.bind(model) as NonNullable<LoadedModel[Name]>;
  throw new VserveError('unsupported_capability', `The backend of this server cannot do that: it has no ${name}.`);
}
