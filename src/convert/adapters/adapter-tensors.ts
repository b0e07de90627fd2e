import { join } from 'node:path';
import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { isSourceDtype } from '../quantize/decode.ts';
import type { SourceDtype } from '../quantize/decode.ts';
import type { SafetensorsTensor } from '../safetensors/header.ts';
import { readHeader } from '../safetensors/read-header.ts';

export const adapterWeightsFile = 'adapter_model.safetensors';

/** A matrix of an adapter, row-major, in its file. */
export interface StoredMatrix {
  readonly offset: number;
  readonly dtype: SourceDtype;
  readonly rows: number;
  readonly columns: number;
}

/** What is added to a weight: `b` times `a`, of an embedding the transpose of that. */
export interface LoraPair {
  /** Of the weight, without what PEFT puts before it. */
  readonly name: string;
  readonly module: string;
  /** `[rank, columns]`, or `[rank, rows]` of an embedding. */
  readonly a: StoredMatrix;
  /** `[rows, rank]`, or `[columns, rank]` of an embedding. */
  readonly b: StoredMatrix;
  readonly rank: number;
  readonly isEmbedding: boolean;
}

/** What an adapter's file holds, in its order. */
export interface AdapterTensors {
  readonly pairs: readonly LoraPair[];
  /** Weights and biases that stand in the place of the model's, by the model's names for them. */
  readonly whole: readonly SafetensorsTensor[];
  /** Likewise of layers that it also has a pair for: PEFT saves the model's own weights of embeddings with it. */
  readonly ofBase: readonly SafetensorsTensor[];
}

const prefix = /^base_model\.model\./;
const factor = /^(?<module>.+)\.lora_(?<embedding>embedding_)?(?<part>[AB])(?:\.[^.]+)??(?:\.weight)?$/;

interface OpenPair {
  readonly module: string;
  readonly isEmbedding: boolean;
  a?: SafetensorsTensor;
  b?: SafetensorsTensor;
}

/** Reads the header of an adapter's weights. Throws `safetensors_invalid`, `tensor_invalid`, `tensor_missing`. */
export async function readAdapterTensors(folder: CheckpointFolder): Promise<AdapterTensors> {
  if (!(await folder.has(adapterWeightsFile))) {
    const message = `${folder.path} has no ${adapterWeightsFile}. Only adapters in safetensors format can be used.`;
    throw new VserveError('shard_missing', message);
  }
  const open = new Map<string, OpenPair>();
  const whole: SafetensorsTensor[] = [];
  const ofBase: SafetensorsTensor[] = [];
  const tensors = await readHeader(join(folder.path, adapterWeightsFile));
  for (const tensor of tensors.toSorted((one, other) => one.offset - other.offset)) {
    const name = tensor.name.replace(prefix, '');
    const { module, embedding, part } = factor.exec(name)?.groups ?? {};
    if (module !== undefined) {
      const pair = open.get(module) ?? { module, isEmbedding: embedding !== undefined };
      pair[part === 'A' ? 'a' : 'b'] = tensor;
      open.set(module, pair);
    } else if (/\.lora_[^.]+/.test(name)) {
      throw new VserveError('tensor_invalid', `The adapter's tensor ${tensor.name} is of no kind that vserve knows.`);
    } else if (!name.includes('.original_module.')) {
      const own = name.replace('.base_layer.', '.').replace(/\.modules_to_save\.(?:default\.)?/, '.');
      (name.includes('.base_layer.weight') ? ofBase : whole).push({ ...tensor, name: own });
    }
  }
  return { pairs: Array.from(open.values(), closed), whole, ofBase };
}

function closed({ module, isEmbedding, a, b }: OpenPair): LoraPair {
  if (a === undefined || b === undefined) {
    const message = `The adapter has only one of the two matrices for ${module}. Download it again.`;
    throw new VserveError('tensor_missing', message);
  }
  const [down, up] = [matrix(a), matrix(b)];
  if (down.rows !== up.columns) {
    const message = `${a.name} and ${b.name} do not fit together: [${a.shape.join(', ')}] and [${b.shape.join(', ')}].`;
    throw new VserveError('tensor_invalid', message);
  }
  return { name: `${module}.weight`, module, a: down, b: up, rank: down.rows, isEmbedding };
}

/** A convolution's kernel counts as a row. */
function matrix({ name, dtype, shape, offset }: SafetensorsTensor): StoredMatrix {
  const [rows = 0, ...rest] = shape;
  if (shape.length < 2 || !isSourceDtype(dtype) || dtype === 'I8') {
    const message = `The adapter's tensor ${name} is ${dtype} of the shape [${shape.join(', ')}]; a matrix of floating-point numbers is required.`;
    throw new VserveError('tensor_invalid', message);
  }
  return { offset, dtype, rows, columns: rest.reduce((product, size) => product * size, 1) };
}
