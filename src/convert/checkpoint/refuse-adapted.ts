import { VserveError } from '../../errors/index.ts';

/** What PEFT puts before the names of a model that it has wrapped. */
const wrapper = 'base_model.model.';

/** Refuses a model that was saved with PEFT still around it. Throws `tensor_unclaimed`. */
export function refuseAdapted(tensors: readonly { readonly name: string }[]): void {
  const wrapped = tensors.find(({ name }) => name.startsWith(wrapper));
  if (wrapped === undefined) return;
  const message = `The tensor names begin with ${JSON.stringify(wrapper)} (${wrapped.name}): the model was saved inside PEFT's wrapper. Merge the adapter with merge_and_unload(), save the result with save_pretrained(), and convert that.`;
  throw new VserveError('tensor_unclaimed', message);
}
