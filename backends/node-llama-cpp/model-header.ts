import { messageOf, VserveError } from '../../src/errors/index.ts';
import type { ModelDescription } from '../../src/backend/index.ts';
import { generationMetadata, unfollowedSettings } from '../../src/gguf/generation-metadata.ts';
import type { GenerationMetadata } from '../../src/gguf/generation-metadata.ts';
import { type EmbeddingTraits, embeddingTraitsOf } from './embedding-models.ts';
import type { ImageGeometry } from './image-budget/geometry.ts';
import { geometryOf } from './image-budget/geometry.ts';
import { descriptionOf } from './model-description.ts';
import { type GgufHeader, type GgufTensorInfo, readGgufHeader } from '../../src/gguf/read-header.ts';

/** GGML_TYPE_I8 to GGML_TYPE_F64. */
const numberTypes: ReadonlySet<number> = new Set([24, 25, 26, 27, 28]);

/** llama.cpp counts positions in 32 bits. */
const largestInt32 = 2 ** 31 - 1;

/** What is to be known of a text model before it is loaded. */
export interface ModelHeader {
  /** Tokens of the longest conversation that it was trained for. */
  readonly trainedLength: number;
  /** Whether llama.cpp may lay its weights out anew for this CPU. */
  readonly mayRepack: boolean;
  readonly embedding: EmbeddingTraits;
  readonly description: ModelDescription;
  /** How answers are generated where a request does not say, besides `general.sampling.*`. */
  readonly generation: GenerationMetadata;
  /** What the converter had to say about settings of the checkpoint that are not followed. */
  readonly warnings: readonly string[];
}

/** Reads a text model's header. Throws `gguf_invalid`, and `model_load_failed` for what llama.cpp cannot compute. */
export async function readModelHeader(modelPath: string): Promise<ModelHeader> {
  const header = await readHeader(modelPath);
  const { keyValues, tensors } = header;
  const architecture = String(keyValues.get('general.architecture'));
  if (architecture === 'clip') {
    throw new VserveError(
      'gguf_invalid',
      `${modelPath} is a vision projector. Give it as --mmproj, and the text model as --model.`,
    );
  }
  if (architecture === 'llama4' && keyValues.get('llama4.attention.sliding_window') === 0) {
    throw new VserveError(
      'model_load_failed',
      `${modelPath} is a Llama 4 whose layers all see the whole context: llama.cpp cannot compute it, and would end the process.`,
    );
  }
  if (architecture === 'gemma3n' && !canShareKeys(keyValues.get('gemma3n.attention.sliding_window_pattern'))) {
    throw new VserveError(
      'model_load_failed',
      `${modelPath} is a Gemma 3n whose layers llama.cpp cannot compute, and would end the process: it takes keys and values from the 19th, which slides, and from the 20th, which does not.`,
    );
  }
  return {
    trainedLength: contextLengthOf(modelPath, keyValues, architecture),
    // Of a file in parts, the first has all keys, but not all tensors.
    mayRepack: !keyValues.has(`${architecture}.attention.key_length_mla`) && !tensors.some(isBeyondAmx),
    embedding: embeddingTraitsOf(keyValues, architecture),
    description: descriptionOf(header),
    generation: generationMetadata(keyValues),
    warnings: unfollowedSettings(keyValues),
  };
}

function contextLengthOf(path: string, keyValues: GgufHeader['keyValues'], architecture: string): number {
  const length = keyValues.get(`${architecture}.context_length`);
  if (typeof length === 'number' && length > 0 && length <= largestInt32) return length;
  throw new VserveError(
    'gguf_invalid',
    `${path} does not say which context length its model has: ${length === undefined ? 'there is none' : `it is ${JSON.stringify(length)}`}.`,
  );
}

/** What is to be known of a vision projector before it is loaded. */
export interface ProjectorHeader {
  /** `clip.projector_type`. */
  readonly type: string;
  readonly geometry: ImageGeometry;
  /** What the converter had to say about settings of the checkpoint that are not followed. */
  readonly warnings: readonly string[];
}

/** Reads a projector's header. Throws `gguf_invalid`, also for a file that is no vision projector. */
export async function readProjectorHeader(mmprojPath: string): Promise<ProjectorHeader> {
  const { keyValues } = await readHeader(mmprojPath);
  const type = keyValues.get('clip.projector_type') ?? keyValues.get('clip.vision.projector_type');
  if (typeof type !== 'string') {
    throw new VserveError(
      'gguf_invalid',
      `${mmprojPath} is not a vision projector (mmproj): it names no projector type.`,
    );
  }
  return { type, geometry: geometryOf(type, keyValues), warnings: unfollowedSettings(keyValues) };
}

async function readHeader(path: string): Promise<GgufHeader> {
  let header: GgufHeader;
  try {
    header = await readGgufHeader(path);
  } catch (cause) {
    if (cause instanceof VserveError) throw cause;
    throw new VserveError('gguf_invalid', `${path} is not a readable GGUF file: ${messageOf(cause)}`, { cause });
  }
  if (typeof header.keyValues.get('general.architecture') !== 'string') {
    throw new VserveError('gguf_invalid', `${path} does not say which architecture it has.`);
  }
  checkNumbers(path, header);
  return header;
}

/** A value that is no number becomes all that is computed with it, and ends the process where it is an epsilon. */
function checkNumbers(path: string, { keyValues, tensors }: GgufHeader): void {
  const refuse = (what: string): never => {
    throw new VserveError('gguf_invalid', `${path} cannot be computed with: ${what}.`);
  };
  for (const [key, value] of keyValues) {
    const isBadEpsilon = key.endsWith('epsilon') && !(Number(value) >= 0 && Number(value) < Infinity);
    if (Number.isNaN(value) || isBadEpsilon) refuse(`its ${key} is ${String(value)}`);
    const isPixels = key === 'clip.vision.image_mean' || key === 'clip.vision.image_std';
    if (isPixels && [value].flat().some((each) => !Number.isFinite(each) || (key.endsWith('std') && each === 0))) {
      refuse(`its ${key} is ${String(value)}`);
    }
  }
  // Whole numbers stand for other tokens in some models; nothing is multiplied by them.
  const unfit = tensors.find(({ type, name }) => numberTypes.has(type) && !/tid2eid|d2t/.test(name));
  if (unfit !== undefined) refuse(`the tensor ${JSON.stringify(unfit.name)} is of a type that no weights have`);
}

/** Whether the last layers of a Gemma 3n find layers of both kinds whose keys and values they can take. */
function canShareKeys(slides: unknown): boolean {
  return !Array.isArray(slides) || (slides.length >= 20 && slides[18] === true && slides[19] === false);
}

/**
 * Whether a tensor is a stack of matrices that are multiplied one by one (experts, of which the graph takes some, are
 * another matter), or has rows of one block.
 */
function isBeyondAmx({ name, shape }: GgufTensorInfo): boolean {
  const isStack = shape.length > 2 && (shape.at(-3) ?? 1) > 1 && !name.includes('_exps');
  return isStack || (shape.length === 2 && shape[1] === 32);
}
