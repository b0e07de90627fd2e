import type { TargetTensor, TensorRule } from './architecture.ts';

/** A tensor that keeps its shape. */
export function copied(
  source: string,
  target: string,
  shape: readonly number[],
  settings: Pick<TargetTensor, 'addend' | 'elements' | 'pieces' | 'type'> &
    Pick<TensorRule, 'optional'> & { readonly cutRows?: true } = {},
): TensorRule {
  const { optional, cutRows, ...ofTarget } = settings;
  return {
    sources: [{ name: source, shape, ...(cutRows && { cutRows }) }],
    targets: [{ name: target, shape, ...ofTarget }],
    ...(optional && { optional }),
  };
}

/** The weight of a linear layer, `[rows, …]`, and its bias. */
export function withBias(source: string, target: string, rows: number, ...rest: number[]): TensorRule[] {
  return [
    copied(`${source}.weight`, `${target}.weight`, [rows, ...rest]),
    copied(`${source}.bias`, `${target}.bias`, [rows]),
  ];
}
