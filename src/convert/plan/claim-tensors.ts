import { VserveError } from '../../errors/index.ts';
import type { GgufDeclaration, SourceTensor, TensorRule } from '../architectures/architecture.ts';
import type { Assumption } from '../checkpoint/assumptions.ts';
import type { CheckpointTensor } from '../checkpoint/read-tensors.ts';
import { isSourceDtype } from '../quantize/decode.ts';
import type { SourceDtype } from '../quantize/decode.ts';
import type { FixedOuttype, Outtype } from '../outtype.ts';

/** A tensor of the checkpoint that a rule wants. */
export interface ClaimedSource {
  readonly tensor: CheckpointTensor;
  readonly dtype: SourceDtype;
}

/** A rule and its sources, in the rule's order. */
export interface Claim {
  readonly rule: TensorRule;
  readonly sources: readonly ClaimedSource[];
}

export interface DeclaredFile {
  readonly declaration: GgufDeclaration;
  /** Assumed settings, to be named when a tensor has another shape. */
  readonly assumptions: readonly Assumption[];
}

/**
 * Gives each tensor of a checkpoint to the declared files that want it; one list a file. A rule stands in it at the
 * place of the last of its sources in the checkpoint.
 *
 * Throws `tensor_unclaimed`, `tensor_missing`, `tensor_invalid`.
 */
export function claimTensors(tensors: readonly CheckpointTensor[], declared: readonly DeclaredFile[]): Claim[][] {
  const claimed = declared.map((file) => claimFor(tensors, file));
  const wanted = new Set(claimed.flat().flatMap(({ sources }) => sources.map(({ tensor }) => tensor.name)));
  const unclaimed = tensors.filter(
    ({ name }) => !wanted.has(name) && !declared.some(({ declaration }) => ignores(declaration, name)),
  );
  if (unclaimed.length > 0) {
    const message = `The converter does not know what to do with ${listed(unclaimed.map(({ name }) => name))}. The checkpoint does not quite match the architecture in config.json.`;
    throw new VserveError('tensor_unclaimed', message);
  }
  return claimed;
}

function claimFor(tensors: readonly CheckpointTensor[], { declaration, assumptions }: DeclaredFile): Claim[] {
  const { tensors: rules, canonicalName } = declaration;
  const wanted = new Map<string, { rule: TensorRule; source: SourceTensor }>();
  for (const rule of rules) for (const source of rule.sources) wanted.set(source.name, { rule, source });
  const found = new Map<string, ClaimedSource>();
  const open = new Map<TensorRule, number>();
  const claims: Claim[] = [];
  for (const tensor of tensors) {
    const name = canonicalName(tensor.name);
    const want = wanted.get(name);
    if (want === undefined) continue;
    const other = found.get(name);
    if (other !== undefined) {
      throw new VserveError('tensor_invalid', `${other.tensor.name} and ${tensor.name} are the same tensor twice.`);
    }
    checkShape(tensor, want.source, assumptions);
    found.set(name, { tensor, dtype: sourceDtype(tensor) });
    const { rule } = want;
    const missing = (open.get(rule) ?? rule.sources.length) - 1;
    open.set(rule, missing);
    if (missing === 0) claims.push({ rule, sources: rule.sources.flatMap(({ name }) => found.get(name) ?? []) });
  }
  const lacking = rules
    .filter((rule) => open.get(rule) !== 0 && (rule.optional !== true || open.has(rule)))
    .flatMap(({ sources }) => sources.map(({ name }) => name).filter((name) => !found.has(name)));
  if (lacking.length > 0) {
    throw new VserveError('tensor_missing', `The checkpoint lacks ${listed(lacking)}. Download it again.`);
  }
  return claims;
}

function ignores({ canonicalName, ignored }: GgufDeclaration, name: string): boolean {
  return ignored.some((pattern) => pattern.test(canonicalName(name)));
}

/** Eight-bit integers mean something only with a scale. */
function sourceDtype({ name, dtype, scale }: CheckpointTensor): SourceDtype {
  if (isSourceDtype(dtype) && (dtype !== 'I8' || scale !== undefined)) return dtype;
  const message = `The tensor ${name} is ${dtype}; only F64, F32, F16, BF16, F8_E4M3 and F8_E5M2 can be converted. Use the checkpoint it was quantized from.`;
  throw new VserveError('tensor_invalid', message);
}

function checkShape(
  { name, shape }: CheckpointTensor,
  { shape: expected, cutRows }: SourceTensor,
  assumptions: readonly Assumption[],
): void {
  const [rows = 0, ...rest] = shape;
  const [expectedRows = 0, ...expectedRest] = expected;
  const rowsFit = cutRows === true ? rows >= expectedRows : rows === expectedRows;
  if (shape.length === expected.length && rowsFit && rest.every((size, i) => size === expectedRest[i])) return;
  const wrong = expected.filter((size, i) => size !== shape[i]);
  const message = `The tensor ${name} has the shape [${shape.join(', ')}], but config.json implies [${expected.join(', ')}].${assumed(wrong, assumptions)}`;
  throw new VserveError('tensor_invalid', message);
}

/** Of the sizes that do not match, those that config.json leaves out. */
function assumed(sizes: readonly number[], assumptions: readonly Assumption[]): string {
  const taken = assumptions.filter(({ value }) => sizes.includes(value));
  const texts = taken.map(({ where, field, value }) => ` ${where} has no ${field}, so it was assumed to be ${value}.`);
  return [...new Set(texts)].join('');
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** What `auto` stands for: the type of the first half-precision tensor that is no vector, else f16. */
export function resolveOuttype(outtype: Outtype, claims: readonly Claim[]): FixedOuttype {
  if (outtype !== 'auto') return outtype;
  const first = claims
    .flatMap(({ sources }) => sources)
    .find(({ dtype, tensor }) => tensor.shape.length >= 2 && (dtype === 'BF16' || dtype === 'F16'));
  return first?.dtype === 'BF16' ? 'bf16' : 'f16';
}
