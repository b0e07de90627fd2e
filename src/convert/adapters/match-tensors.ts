import { VserveError } from '../../errors/index.ts';
import type { GgufDeclaration } from '../architectures/architecture.ts';
import type { CheckpointTensor } from '../checkpoint/read-tensors.ts';
import type { LoraPair } from './adapter-tensors.ts';

/** Parts of a name that stand for wrappers of a model: there are more or fewer of them from one generation to the next. */
const wrappers: ReadonlySet<string> = new Set(['model', 'language_model', 'text_model', 'vision_model']);

/** Finds the tensor of a model that an adapter means by a name: writers of checkpoints name the same ones differently. */
export class TensorNames {
  readonly #tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly #byForm: readonly (readonly [(name: string) => string, ReadonlyMap<string, CheckpointTensor | undefined>])[];

  constructor(tensors: readonly CheckpointTensor[], declarations: readonly GgufDeclaration[]) {
    this.#tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const byForm = declarations.map(({ canonicalName, tensors: rules }) => {
      const known = new Set(rules.flatMap(({ sources }) => sources.map(({ name }) => name)));
      const ofFile = tensors.filter(({ name }) => known.has(canonicalName(name)));
      return [canonicalName, uniqueBy(ofFile, canonicalName)] as const;
    });
    this.#byForm = [...byForm, [withoutWrappers, uniqueBy(tensors, withoutWrappers)]];
  }

  find(name: string): CheckpointTensor | undefined {
    const own = this.#tensors.get(name);
    if (own !== undefined) return own;
    for (const [form, tensors] of this.#byForm) {
      const found = tensors.get(form(name));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function withoutWrappers(name: string): string {
  return name
    .split('.')
    .filter((part) => !wrappers.has(part))
    .join('.');
}

/** Tensors by a form of their names; undefined for a form that several have. */
function uniqueBy(
  tensors: readonly CheckpointTensor[],
  formOf: (name: string) => string,
): ReadonlyMap<string, CheckpointTensor | undefined> {
  const found = new Map<string, CheckpointTensor | undefined>();
  for (const tensor of tensors) {
    const form = formOf(tensor.name);
    found.set(form, found.has(form) ? undefined : tensor);
  }
  return found;
}

/** The error for a weight that the base model does not have. */
export function unknownWeight(name: string): VserveError {
  const message = `The adapter changes ${name}, which the base model does not have. It is made for another model, or for layers that vserve does not know.`;
  return new VserveError('tensor_unclaimed', message);
}

/** Throws `tensor_invalid` where the matrices do not have the size of a tensor. */
export function checkPair({ a, b, isEmbedding, name }: LoraPair, { shape }: Pick<CheckpointTensor, 'shape'>): void {
  const [rows = 0, ...rest] = shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  const given = isEmbedding ? [a.columns, b.rows] : [b.rows, a.columns];
  if (shape.length >= 2 && given[0] === rows && given[1] === columns) return;
  const message = `The adapter changes ${name} as a matrix of ${given.join(' × ')}, but the base model's has the shape [${shape.join(', ')}]. It is made for another model.`;
  throw new VserveError('tensor_invalid', message);
}
