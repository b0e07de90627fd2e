import { open, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { quantizedTypes } from '../../backend/index.ts';
import type { LogLevel, ModelFiles, QuantizedType, Quantizer } from '../../backend/index.ts';
import type { ConversionProgress, Converter, ModelDescription, Outtype } from '../../conversion/index.ts';
import { VserveError } from '../../errors/index.ts';
import { formatBytes } from '../../formats/format-bytes.ts';
import type { Precision } from './precision.ts';

export interface MakeModelOptions {
  readonly sourceDir: string;
  /** An existing folder. */
  readonly destinationDir: string;
  readonly precision: Precision;
  readonly mmprojOuttype: Outtype;
  readonly description: ModelDescription;
  /** Replaces the source folder's name in the model's metadata. */
  readonly modelName: string | undefined;
  readonly converter: Converter;
  /** Undefined if the backend has none. */
  readonly quantizer: Quantizer | undefined;
  readonly onProgress: (progress: ConversionProgress) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

/** Whether a precision needs a quantizer: the converter writes q8_0 itself. */
export function needsQuantizer(precision: string): precision is Exclude<QuantizedType, 'q8_0'> {
  return precision !== 'q8_0' && quantizedTypes.some((type) => type === precision);
}

/**
 * Creates the GGUF files of a checkpoint in a folder. A quantized precision goes through the checkpoint's own, whose file
 * is then removed. Throws `disk_full`, `unsupported_capability`, `tensor_invalid` for weights that no quantizer can take,
 * and what the converter and the quantizer throw.
 */
export async function makeModel(options: MakeModelOptions): Promise<ModelFiles> {
  const { sourceDir, destinationDir, precision, modelName, converter, onProgress, log, signal } = options;
  const isQuantized = quantizedTypes.some((type) => type === precision);
  const ownMmproj = isQuantized ? 'auto' : (precision as Outtype);
  const mmprojOuttype = options.mmprojOuttype === 'auto' ? ownMmproj : options.mmprojOuttype;
  const onWarning = (message: string): void => log('warning', message);
  const from = { sourceDir, destinationDir, mmprojOuttype, modelName, onProgress, onWarning, signal };
  if (!needsQuantizer(precision)) {
    return converter.convertCheckpoint({ ...from, outtype: precision });
  }
  const quantizer = checkQuantizer(precision, options.quantizer);
  const { sizes, mmprojBytes } = options.description;
  const bytesTotal = sizes.find((size) => size.precision === precision)?.bytes ?? 0;
  await checkRoom(destinationDir, (sizes[0]?.bytes ?? 0) + bytesTotal + mmprojBytes);
  const { modelPath, mmprojPath } = await converter.convertCheckpoint({ ...from, outtype: 'auto' });
  const sourcePath = join(dirname(modelPath), 'unquantized.gguf');
  await rename(modelPath, sourcePath);
  try {
    await quantizer.quantize({
      sourcePath,
      destinationPath: modelPath,
      type: precision,
      onProgress: (bytesWritten) =>
        onProgress({ file: 'model.gguf', quantizedTo: precision, bytesWritten, bytesTotal }),
      signal,
    });
  } catch (error) {
    throw await explained(error, sourcePath, options);
  }
  await rm(sourcePath);
  await flush(modelPath);
  onProgress({ file: 'model.gguf', quantizedTo: precision, bytesWritten: bytesTotal, bytesTotal });
  return { modelPath, mmprojPath };
}

/** Throws `unsupported_capability` if there is no quantizer. */
export function checkQuantizer(precision: Precision, quantizer: Quantizer | undefined): Quantizer {
  if (quantizer !== undefined) return quantizer;
  throw new VserveError(
    'unsupported_capability',
    `This backend cannot quantize to ${precision}. Choose another --quantization-encoding, or the backend node-llama-cpp.`,
    { param: 'quantizationEncoding' },
  );
}

/** A quantizer reports problems of its input file: this turns them into problems of the checkpoint. */
async function explained(error: unknown, sourcePath: string, options: MakeModelOptions): Promise<unknown> {
  const { sourceDir, precision, converter, description, signal } = options;
  if (!(error instanceof VserveError) || error.code !== 'quantization_failed') return error;
  const tensors = await converter.findNonFinite(sourceDir, description.precision === 'f16', signal);
  if (tensors.length === 0) {
    return new VserveError(error.code, error.message.replaceAll(sourcePath, sourceDir), { cause: error });
  }
  const message = `${sourceDir} cannot be quantized to ${precision}: some of its weights are not finite. ${tensors.join('; ')}.
Download the checkpoint again. If the original has them too, use a precision that keeps them: ${description.precision}.`;
  return new VserveError('tensor_invalid', message, { cause: error });
}

async function checkRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bytes <= bavail * bsize) return;
  throw new VserveError(
    'disk_full',
    `Converting and quantizing temporarily takes ${formatBytes(bytes)}, and ${folder} has ${formatBytes(bavail * bsize)} free. Free some space and try again.`,
  );
}

async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}
