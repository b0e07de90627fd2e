import { VserveError } from '../../errors/index.ts';

/**
 * The numbers of the hidden states that a projector gets, 0 being what goes into the first layer. Negative ones count
 * from the end. llama.cpp puts several one after the other in ascending order.
 *
 * @param field of config.json that lists them
 * Throws `checkpoint_invalid`.
 */
export function featureLayersOf(field: string, value: number | readonly number[], layers: number): number[] {
  const all = (typeof value === 'number' ? [value] : value).map((layer) => (layer < 0 ? layers + 1 + layer : layer));
  const isAscending = all.every((layer, i) => layer > (all[i - 1] ?? -1) && layer <= layers);
  if (isAscending && (all.at(-1) ?? 0) > 0) return all;
  const message = `config.json cannot be converted. ${field}: ${JSON.stringify(value)} are no ascending layers of an encoder that has ${layers}`;
  throw new VserveError('checkpoint_invalid', message);
}

/** The tensors of layers behind the last one whose output is used. `prefix` is what stands before a layer's number. */
export function unusedLayers(prefix: string, used: number, layers: number): RegExp[] {
  if (used >= layers) return [];
  const numbers = Array.from({ length: layers - used }, (_, i) => used + i);
  return [new RegExp(`^${prefix.replaceAll('.', '\\.')}(?:${numbers.join('|')})\\.`)];
}
