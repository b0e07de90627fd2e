import type { SyntheticCheckpoint } from '../reference/write-checkpoint.ts';

const vision = 'model.embed_vision';
const table = 'model.language_model.embed_tokens.weight';
const perLayerTable = 'model.language_model.embed_tokens_per_layer.weight';

/**
 * A checkpoint of Gemma 3n from which llama-server reads the token that ends an image as transformers does. It looks for
 * it in the tables of the text model, where it has no usable row: here that holds the embedding which comes with the
 * vision encoder, and what each layer has for ids without one of their own.
 */
export function withEndOfImage(checkpoint: SyntheticCheckpoint): SyntheticCheckpoint {
  const { elementsOf, files } = checkpoint;
  const config = JSON.parse(files['config.json'] as string) as {
    eoi_token_id: number;
    text_config: { vocab_size: number; vocab_size_per_layer_input: number };
  };
  const { eoi_token_id: id, text_config: text } = config;
  const [rows = 0, columns = 0] = checkpoint.shapes.get(perLayerTable) ?? [];
  if (elementsOf === undefined || rows === 0) return checkpoint;
  const seen = new Map<string, Uint8Array>();
  return {
    ...checkpoint,
    shapes: new Map(checkpoint.shapes).set(perLayerTable, [text.vocab_size, columns]),
    files: {
      ...files,
      'config.json': JSON.stringify({
        ...config,
        text_config: { ...text, vocab_size_per_layer_input: text.vocab_size },
      }),
    },
    elementsOf: (tensor, shape, next) => {
      const isPerLayer = tensor === perLayerTable;
      const bytes = elementsOf(tensor, isPerLayer ? [rows, columns] : shape, next);
      if (tensor.startsWith(vision)) seen.set(tensor, bytes);
      if (isPerLayer) {
        const first = bytes.subarray(0, columns * 2);
        return Buffer.concat([bytes, ...Array.from({ length: text.vocab_size - rows }, () => first)]);
      }
      if (tensor === table) bytes.set(inBfloat16(endOfImage(seen)), id * (shape[1] ?? 0) * 2);
      return bytes;
    },
  };
}

/** What the token is embedded as, by the root of its width: the text model multiplies by that. */
function endOfImage(seen: ReadonlyMap<string, Uint8Array>): number[] {
  const part = (name: string): number[] => fromBfloat16(seen.get(`${vision}.${name}.weight`) ?? new Uint8Array());
  const norm = part('hard_embedding_norm');
  const width = norm.length;
  const projection = part('embedding_projection');
  const embedded = normalized(part('embedding').slice(0, width)).map((value, i) => value * (norm[i] ?? 0));
  const projected = Array.from({ length: projection.length / width }, (_, row) =>
    embedded.reduce((sum, value, i) => sum + value * (projection[row * width + i] ?? 0), 0),
  );
  return normalized(projected).map((value) => value / Math.sqrt(projected.length));
}

function normalized(values: readonly number[]): number[] {
  const meanSquare = values.reduce((sum, value) => sum + value * value, 0) / values.length;
  return values.map((value) => value / Math.sqrt(meanSquare + 1e-6));
}

function fromBfloat16(bytes: Uint8Array): number[] {
  const halves = new Uint16Array(bytes.slice().buffer);
  return [...new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer)];
}

function inBfloat16(values: readonly number[]): Uint8Array {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return new Uint8Array(Uint16Array.from(bits, (value) => (value + 0x8000) >>> 16).buffer);
}
