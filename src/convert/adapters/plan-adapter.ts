import { basename, resolve } from 'node:path';
import { VserveError } from '../../errors/index.ts';
import { findDeclarations } from '../architectures/index.ts';
import type { TargetTensor } from '../architectures/architecture.ts';
import { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { readTensors } from '../checkpoint/read-tensors.ts';
import { float32, KeyValues, string, uint32 } from '../gguf/key-values.ts';
import { writeModelNames } from '../metadata/general-metadata.ts';
import { claimTensors } from '../plan/claim-tensors.ts';
import type { Claim } from '../plan/claim-tensors.ts';
import { pairScales } from '../scales/pair-scales.ts';
import { readQuantization } from '../scales/quantization.ts';
import { isContiguous, simplify, viewOf } from '../tensor-view.ts';
import { readAdapterConfig } from './adapter-config.ts';
import { readAdapterTensors } from './adapter-tensors.ts';
import type { AdapterTensors, LoraPair } from './adapter-tensors.ts';
import { checkPair, TensorNames, unknownWeight } from './match-tensors.ts';
import { splitView } from './split-view.ts';
import type { SplitView } from './split-view.ts';

const quantizationVersion = 2; // GGML_QNT_VERSION
const tokenEmbedding = 'token_embd.weight';

/** Rows of a target, from one pair of matrices. */
export interface AdaptedPiece {
  /** Undefined where the adapter leaves the weight as it is. */
  readonly pair: LoraPair | undefined;
  readonly view: SplitView;
  /** What the product is multiplied by. */
  readonly scale: number;
}

/** A tensor of the model that the adapter changes. */
export interface AdaptedTensor {
  readonly name: string;
  /** Of the model's tensor, row-major: two axes, or three for stacked experts, each a piece then. */
  readonly shape: readonly number[];
  readonly pieces: readonly AdaptedPiece[];
}

export interface AdapterPlan {
  readonly keyValues: KeyValues;
  readonly alpha: number;
  readonly tensors: readonly AdaptedTensor[];
}

/**
 * Plans the conversion of a PEFT adapter for the text model of a checkpoint, by the rules that the checkpoint itself is
 * converted by. Reads headers and configurations only.
 *
 * Throws what `planConversion` throws for the checkpoint, what the readers of adapters throw, and
 * `unsupported_capability` for what llama.cpp cannot apply while it computes.
 */
export async function planAdapter(baseDir: string, adapterDir: string): Promise<AdapterPlan> {
  const adapter = new CheckpointFolder(adapterDir);
  const { alpha, scaleOf } = await readAdapterConfig(adapter);
  const base = new CheckpointFolder(baseDir);
  const config = await base.json('config.json');
  const { text, vision } = await findDeclarations(config);
  const quantization = await readQuantization(base, config);
  const found = await readTensors(base);
  const tensors = quantization === undefined ? found : pairScales(found, quantization);
  const checkpoint = { folder: base, config, tensorNames: tensors.map(({ name }) => name) };
  const model = await text(checkpoint);
  const declarations = vision === undefined ? [model] : [model, await vision(checkpoint)];
  const [claims = []] = claimTensors(
    tensors,
    declarations.map((declaration) => ({ declaration, assumptions: [] })),
  );
  const given = await readAdapterTensors(adapter);
  const names = new TensorNames(tensors, declarations);
  refuseWhole(given, names);
  const pairs = new Map<string, LoraPair>();
  for (const pair of given.pairs) {
    const tensor = names.find(pair.name);
    if (tensor === undefined) throw unknownWeight(pair.name);
    checkPair(pair, tensor);
    pairs.set(tensor.name, pair);
  }
  const keyValues = new KeyValues()
    .set('general.architecture', string(model.architecture))
    .set('general.type', string('adapter'))
    .set('adapter.type', string('lora'));
  writeModelNames(keyValues, [basename(resolve(adapterDir))], 0);
  keyValues.set('adapter.lora.alpha', float32(alpha)).set('general.quantization_version', uint32(quantizationVersion));
  return { keyValues, alpha, tensors: adaptedTensors(claims, pairs, scaleOf) };
}

/** Throws `unsupported_capability` for weights that stand in the place of the model's. */
function refuseWhole({ whole, ofBase, pairs }: AdapterTensors, names: TensorNames): void {
  const resized = ofBase.find(({ name, shape }) => names.find(name)?.shape.join() !== shape.join());
  const unpaired = ofBase.find(({ name }) => !pairs.some((pair) => pair.name === name));
  const first = whole[0] ?? resized ?? unpaired;
  if (first === undefined) return;
  throw unappliable(`holds all of ${first.name} (modules_to_save, bias, or new tokens)`);
}

/** In the order of the adapter's file: what several of its pairs are for comes at the place of the last. */
function adaptedTensors(
  claims: readonly Claim[],
  pairs: ReadonlyMap<string, LoraPair>,
  scaleOf: (module: string, rank: number) => number,
): AdaptedTensor[] {
  const claimOf = new Map(claims.flatMap((claim) => claim.sources.map(({ tensor }) => [tensor.name, claim])));
  const foreign = [...pairs.keys()].filter((name) => !claimOf.has(name));
  if (foreign.length > 0) {
    throw unappliable(
      `changes ${String(foreign.length)} weights outside of the text model, such as ${foreign[0] ?? ''}`,
    );
  }
  const order = new Set<Claim>();
  for (const claim of [...pairs.keys()].flatMap((name) => claimOf.get(name) ?? [])) {
    order.delete(claim);
    order.add(claim);
  }
  return [...order].flatMap(({ rule, sources }) =>
    rule.targets.flatMap((target) => {
      const pieces = piecesOf(target, sources, pairs, scaleOf);
      return pieces.some(({ pair }) => pair !== undefined) ? [{ name: target.name, shape: target.shape, pieces }] : [];
    }),
  );
}

function piecesOf(
  target: TargetTensor,
  sources: Claim['sources'],
  pairs: ReadonlyMap<string, LoraPair>,
  scaleOf: (module: string, rank: number) => number,
): AdaptedPiece[] {
  if (target.addend !== undefined || target.elements !== undefined) {
    throw unappliable(`changes ${target.name}, whose elements llama.cpp keeps in another form`);
  }
  return (target.pieces ?? [{ source: 0, view: viewOf(...target.shape) }]).map(({ source, view }) => {
    const tensor = sources[source]?.tensor;
    const [, ...rest] = tensor?.shape ?? [];
    const width = rest.reduce((product, size) => product * size, 1);
    const split = splitView(view ?? viewOf(...(tensor?.shape ?? [])), width);
    if (split === undefined || tensor === undefined) {
      throw unappliable(`changes ${target.name}, whose rows and columns llama.cpp keeps in another order`);
    }
    const pair = pairs.get(tensor.name);
    const isWhole = isContiguous(simplify(split.columns));
    if (pair?.isEmbedding === true && (target.name !== tokenEmbedding || !isWhole)) {
      throw unappliable(`changes ${target.name} as an embedding`);
    }
    return { pair, view: split, scale: pair === undefined ? 1 : scaleOf(pair.module, pair.rank) };
  });
}

/** The error for an adapter that cannot be applied while llama.cpp computes, but can be merged. */
export function unappliable(what: string): VserveError {
  const message = `The adapter ${what}, which llama.cpp cannot apply to a model that others use. Serve it by itself: --model with the adapter's folder merges it into its base model.`;
  return new VserveError('unsupported_capability', message);
}
