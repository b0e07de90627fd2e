import { VserveError } from '../../errors/index.ts';
import type { GgufDeclaration, TensorRule } from '../architectures/architecture.ts';
import type { CheckpointTensor } from '../checkpoint/read-tensors.ts';
import type { FloatDtype } from '../quantize/decode.ts';
import type { FixedOuttype, Outtype } from '../outtype.ts';

/** A tensor of the checkpoint, what becomes of it, and its shape then. */
export interface ClaimedTensor {
  readonly source: CheckpointTensor;
  readonly dtype: FloatDtype;
  readonly rule: TensorRule;
  readonly shape: readonly number[];
}

/**
 * Gives each tensor of a checkpoint to the declared files that want it, in the checkpoint's order; one list a file.
 *
 * @throws VserveError `tensor_unclaimed`, `tensor_missing`, `tensor_invalid`
 */
export function claimTensors(
  tensors: readonly CheckpointTensor[],
  declarations: readonly GgufDeclaration[],
): ClaimedTensor[][] {
  const claimed = declarations.map((declaration) => claimFor(tensors, declaration));
  const wanted = new Set(claimed.flat().map(({ source }) => source.name));
  const unclaimed = tensors.filter(
    ({ name }) => !wanted.has(name) && !declarations.some((file) => ignores(file, name)),
  );
  if (unclaimed.length > 0) {
    const message = `The converter does not know what to do with ${listed(unclaimed.map(({ name }) => name))}. The checkpoint is not quite of the architecture that config.json names.`;
    throw new VserveError('tensor_unclaimed', message);
  }
  return claimed;
}

function claimFor(tensors: readonly CheckpointTensor[], { tensors: rules, canonicalName }: GgufDeclaration) {
  const claimed = new Map<TensorRule, ClaimedTensor>();
  for (const source of tensors) {
    const rule = rules.get(canonicalName(source.name));
    if (rule === undefined) continue;
    const other = claimed.get(rule);
    if (other !== undefined) {
      throw new VserveError('tensor_invalid', `${other.source.name} and ${source.name} are the same tensor twice.`);
    }
    claimed.set(rule, { source, dtype: floatDtype(source), rule, shape: checkedShape(source, rule) });
  }
  const missing = [...rules].filter(([, rule]) => rule.optional !== true && !claimed.has(rule)).map(([name]) => name);
  if (missing.length > 0) {
    throw new VserveError('tensor_missing', `The checkpoint lacks ${listed(missing)}. Download it again.`);
  }
  return [...claimed.values()];
}

function ignores({ canonicalName, ignored }: GgufDeclaration, name: string): boolean {
  return ignored.some((pattern) => pattern.test(canonicalName(name)));
}

function floatDtype({ name, dtype }: CheckpointTensor): FloatDtype {
  if (dtype === 'F64' || dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') return dtype;
  const message = `The tensor ${name} is ${dtype}; only F64, F32, F16 and BF16 can be converted. Take the checkpoint before it was quantized.`;
  throw new VserveError('tensor_invalid', message);
}

function checkedShape({ name, shape }: CheckpointTensor, { shape: expected, cutRows }: TensorRule): readonly number[] {
  const [rows = 0, ...rest] = shape;
  const [expectedRows = 0, ...expectedRest] = expected;
  const rowsFit = cutRows === true ? rows >= expectedRows : rows === expectedRows;
  if (shape.length === expected.length && rowsFit && rest.every((size, i) => size === expectedRest[i])) return expected;
  const message = `The tensor ${name} has the shape [${shape.join(', ')}], but by config.json it should have [${expected.join(', ')}].`;
  throw new VserveError('tensor_invalid', message);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** What `auto` stands for: the type of the first half-precision tensor that is no vector, else f16. */
export function resolveOuttype(outtype: Outtype, tensors: readonly ClaimedTensor[]): FixedOuttype {
  if (outtype !== 'auto') return outtype;
  const first = tensors.find(({ dtype, shape }) => shape.length >= 2 && (dtype === 'BF16' || dtype === 'F16'));
  return first?.dtype === 'BF16' ? 'bf16' : 'f16';
}
