import type { GgufFileInfo } from 'node-llama-cpp';
import { readGgufFileInfo } from 'node-llama-cpp';
import { VserveError } from '../../src/errors/index.ts';

/** llama.cpp counts positions in 32 bits. */
const largestInt32 = 2 ** 31 - 1;

/** What is to be known of a text model before it is loaded. */
export interface ModelHeader {
  /** Tokens of the longest conversation that it was trained for. */
  readonly trainedLength: number;
  /** Whether llama.cpp may lay its weights out anew for this CPU. */
  readonly mayRepack: boolean;
}

/** Reads a text model's header. Throws `gguf_invalid`, and `model_load_failed` for what llama.cpp cannot compute. */
export async function readModelHeader(modelPath: string): Promise<ModelHeader> {
  const { metadata, architectureMetadata, fullTensorInfo } = await readHeader(modelPath);
  if ((metadata.general.architecture as string) === 'clip') {
    throw new VserveError(
      'gguf_invalid',
      `${modelPath} is a vision projector. Give it as --mmproj, and the text model as --model.`,
    );
  }
  const { attention } = architectureMetadata as {
    attention?: { sliding_window?: unknown; sliding_window_pattern?: unknown };
  };
  if ((metadata.general.architecture as string) === 'llama4' && attention?.sliding_window === 0) {
    throw new VserveError(
      'model_load_failed',
      `${modelPath} is a Llama 4 whose layers all see the whole context: llama.cpp cannot compute it, and would end the process.`,
    );
  }
  if ((metadata.general.architecture as string) === 'gemma3n' && !canShareKeys(attention?.sliding_window_pattern)) {
    throw new VserveError(
      'model_load_failed',
      `${modelPath} is a Gemma 3n whose layers llama.cpp cannot compute, and would end the process: it takes keys and values from the 19th, which slides, and from the 20th, which does not.`,
    );
  }
  const trainedLength = Number(architectureMetadata.context_length);
  if (!(trainedLength > 0 && trainedLength <= largestInt32)) {
    throw new VserveError(
      'gguf_invalid',
      `${modelPath} does not say which context length its model has: ${String(architectureMetadata.context_length)} is none.`,
    );
  }
  return { trainedLength, mayRepack: !fullTensorInfo?.some(isBeyondAmx) };
}

/** The projector's type. Throws `gguf_invalid`, also for a file that is no vision projector. */
export async function readProjectorType(mmprojPath: string): Promise<string> {
  const { metadata } = await readHeader(mmprojPath);
  const clip = (metadata as { clip?: { projector_type?: unknown; vision?: { projector_type?: unknown } } }).clip;
  const type = clip?.projector_type ?? clip?.vision?.projector_type;
  if (typeof type !== 'string') {
    throw new VserveError(
      'gguf_invalid',
      `${mmprojPath} is not a vision projector (mmproj): it names no projector type.`,
    );
  }
  return type;
}

/** Reads a GGUF file's key-values and what its tensors are. Throws `gguf_invalid`. */
export async function readHeader(path: string): Promise<GgufFileInfo> {
  let info: GgufFileInfo;
  try {
    info = await readGgufFileInfo(path, {
      sourceType: 'filesystem',
      ignoreKeys: ['tokenizer.ggml.tokens', 'tokenizer.ggml.scores', 'tokenizer.ggml.token_type'],
      logWarnings: false,
    });
    // Of a file that ends in its first bytes, less is read than the type promises.
    const { general } = info.metadata as { general?: { architecture?: unknown } };
    if (typeof general?.architecture !== 'string') throw new Error('it does not say which architecture it has');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VserveError('gguf_invalid', `${path} is not a readable GGUF file: ${reason}`, { cause });
  }
  checkNumbers(path, info.metadata);
  return info;
}

/** A value that is no number becomes all that is computed with it, and ends the process where it is an epsilon. */
function checkNumbers(path: string, values: object, prefix = ''): void {
  for (const [key, value] of Object.entries(values) as [string, unknown][]) {
    const name = `${prefix}${key}`;
    if (typeof value === 'object' && value !== null) checkNumbers(path, value, `${name}.`);
    if (typeof value !== 'number') continue;
    if (Number.isNaN(value) || (value < 0 && name.endsWith('epsilon'))) {
      throw new VserveError('gguf_invalid', `${path} cannot be computed with: its ${name} is ${String(value)}.`);
    }
  }
}

/** Whether the last layers of a Gemma 3n find layers of both kinds whose keys and values they can take. */
function canShareKeys(slides: unknown): boolean {
  return !Array.isArray(slides) || (slides.length >= 20 && slides[18] === true && slides[19] === false);
}

/**
 * Whether a tensor is a stack of matrices that are multiplied one by one (experts, of which the graph takes some, are
 * another matter), or has rows of one block.
 */
function isBeyondAmx({ name, dimensions }: NonNullable<GgufFileInfo['fullTensorInfo']>[number]): boolean {
  const isStack = dimensions.length > 2 && Number(dimensions[2]) > 1 && !name.includes('_exps');
  return isStack || (dimensions.length === 2 && Number(dimensions[0]) === 32);
}
