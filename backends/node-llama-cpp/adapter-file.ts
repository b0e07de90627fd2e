import { VserveError } from '../../src/errors/index.ts';
import type { GgufHeader, GgufTensorInfo } from '../../src/gguf/read-header.ts';
import { readGgufHeader } from '../../src/gguf/read-header.ts';
import { familyOf, textOf } from '../../src/gguf/values.ts';

const tokenEmbedding = 'token_embd.weight';
const outputLayer = 'output.weight';
const invocationTokens = 'adapter.alora.invocation_tokens';

/** The weights that llama.cpp's models multiply by together with an adapter's. */
const applied =
  /^(?:token_embd|output|blk\.\d+\.(?:attn_(?:q|k|v|qkv|output|gate)|ffn_(?:gate|up|down|gate_up)(?:_exps|_shexp)?|ffn_gate_inp(?:_shexp)?|ssm_(?:in|out|x|dt|beta|alpha|ba)|shortconv\.(?:in|out)_proj|inp_gate|proj|laurel_[lr]))\.weight$/;

/** Its attention takes queries, keys and values as they are. */
const withoutAttention: ReadonlySet<string> = new Set(['deepseek2', 'minicpm3']);
const attention = /\.attn_(?:q|k|v)\./;

/** F32, F16, Q8_0, BF16. */
const weightTypes: ReadonlySet<number> = new Set([0, 1, 8, 30]);

/**
 * Checks that the GGUF file of a LoRA adapter fits a model, before llama.cpp loads it: what does not ends the process
 * there, or has no effect. Throws `gguf_invalid`; the system's errors.
 */
export async function checkAdapter(path: string, modelPaths: readonly string[]): Promise<void> {
  const [adapter, ...parts] = await Promise.all([path, ...modelPaths].map((file) => readGgufHeader(file)));
  if (adapter === undefined) return;
  const problem = problemOf(adapter, parts);
  if (problem === undefined) return;
  throw new VserveError('gguf_invalid', `${path} cannot be used with this model: ${problem}.`);
}

function problemOf(adapter: GgufHeader, model: readonly GgufHeader[]): string | undefined {
  const { keyValues, tensors } = adapter;
  const kind = textOf(keyValues, 'general.type');
  if (kind !== 'adapter') return `it is no adapter, but ${kind ?? 'a file without general.type'}`;
  const method = textOf(keyValues, 'adapter.type');
  if (method !== 'lora') return `it is an adapter of the type ${method ?? 'unknown'}, not lora`;
  const family = model.map((part) => familyOf(part.keyValues)).find((name) => name !== undefined);
  const own = familyOf(keyValues);
  if (own !== family)
    return `it is for models of the family ${own ?? 'unknown'}, and this one is ${family ?? 'unknown'}`;
  if (keyValues.has(invocationTokens)) return 'it begins at certain tokens of the prompt (aLoRA)';
  if (tensors.length === 0) return 'it is empty';
  const weights = new Map(model.flatMap((part) => part.tensors).map((tensor) => [tensor.name, tensor]));
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  for (const tensor of tensors) {
    const problem = tensorProblem(tensor, byName, weights, withoutAttention.has(own ?? ''));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type ByName = ReadonlyMap<string, GgufTensorInfo>;

function tensorProblem(
  { name, type }: GgufTensorInfo,
  adapter: ByName,
  model: ByName,
  isWithoutAttention: boolean,
): string | undefined {
  const weight = name.replace(/\.lora_[ab]$/, '');
  if (weight === name) return `it holds all of ${name}, which is not applied`;
  if (!weightTypes.has(type)) return `${name} has a type that adapters do not have`;
  const [a, b, target] = [adapter.get(`${weight}.lora_a`), adapter.get(`${weight}.lora_b`), model.get(weight)];
  if (a === undefined || b === undefined) return `it has only one of the two matrices for ${weight}`;
  if (target === undefined) return `the model has no ${weight}`;
  if (!applied.test(weight) || (isWithoutAttention && attention.test(weight)))
    return `it changes ${weight}, to which adapters are not applied`;
  const isEmbedding = weight === tokenEmbedding;
  // With tied weights the output layer has the embedding's name, and would take its matrices.
  if (isEmbedding && !model.has(outputLayer)) return 'it changes the embedding, which is the output layer, too';
  return fits(a.shape, b.shape, target.shape, isEmbedding)
    ? undefined
    : `its matrices for ${weight} do not fit [${target.shape.join(', ')}]`;
}

/** Shapes are row-major: of a weight `[rows, columns]`, those of experts before. */
function fits(a: readonly number[], b: readonly number[], weight: readonly number[], isEmbedding: boolean): boolean {
  const [rows, columns] = weight.slice(-2);
  if (a.length !== weight.length || b.length !== weight.length) return false;
  const stacked = weight.slice(0, -2);
  if (stacked.some((size, axis) => a[axis] !== size || b[axis] !== size)) return false;
  const [aRows, aColumns] = a.slice(-2);
  const [bRows, bColumns] = b.slice(-2);
  if (isEmbedding) return aRows === rows && bRows === columns && aColumns === bColumns;
  return aColumns === columns && bRows === rows && aRows === bColumns;
}
