import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readGgufHeader } from '../../src/gguf/read-header.ts';
import { convertCheckpoint } from '../../src/convert/index.ts';
import { textShapes, visionShapes } from '../../test/reference/gemma3-shapes.ts';
import { sentencePieceModel } from '../../test/reference/sentencepiece-writer.ts';
import { writePlainWeights } from '../../test/reference/write-plain-weights.ts';
import { hybridImageSize, writeHybridCheckpoint } from './hybrid-model.ts';
import { runTool } from './run-tool.ts';
import { letterPieces, markers } from './vocabulary.ts';

/** A GGUF pair to measure. */
export interface BenchModel {
  readonly name: string;
  readonly modelPath: string;
  readonly mmprojPath: string;
  /** Side of the square that the vision encoder sees, in pixels. */
  readonly imageSize: number;
  /** Tokens of a conversation. */
  readonly maxLength: number;
}

const shapesCheckpoint = join(
  dirname(fileURLToPath(import.meta.url)),
  '..',
  '..',
  '..',
  'test',
  'models',
  'shapes-vlm',
);
const mostLength = 4096;

const text = { vocabulary: 32_000, width: 1280, inner: 5120, layers: 20, heads: 8, headsKv: 4, headDim: 128 };
const vision = { width: 768, inner: 3072, layers: 12, heads: 12, patchSize: 14, imageSize: 448, imageTokens: 256 };

/** Reads the needed facts from the headers of a GGUF pair. */
export async function describeModel(name: string, modelPath: string, mmprojPath: string): Promise<BenchModel> {
  const { keyValues } = await readGgufHeader(modelPath);
  const contextLength = Number(keyValues.get(`${String(keyValues.get('general.architecture'))}.context_length`));
  const imageSize = Number((await readGgufHeader(mmprojPath)).keyValues.get('clip.vision.image_size'));
  const maxLength = Math.min(contextLength, mostLength);
  return { name, modelPath, mmprojPath, imageSize, maxLength };
}

/** The embedded model, converted once. */
export async function shapesModel(cacheDir: string): Promise<BenchModel> {
  const directory = join(cacheDir, 'shapes-vlm');
  if (!existsSync(directory)) await convert(shapesCheckpoint, directory, 'auto');
  return describeModel('shapes-vlm', join(directory, 'model.gguf'), join(directory, 'mmproj.gguf'));
}

/**
 * A model of random weights and real sizes, made once: 513 million parameters of Gemma 3 text in Q4_0, and a SigLIP
 * encoder of 12 layers and 448 pixels in f16 that gives 256 tokens an image.
 */
export async function randomModel(cacheDir: string, peerDir: string, log: (line: string) => void): Promise<BenchModel> {
  const directory = join(cacheDir, 'random-513m');
  if (!existsSync(directory)) {
    log('Making a model of 513 million random weights (a minute, once)');
    const checkpoint = `${directory}.checkpoint`;
    const converted = `${directory}.part`;
    await writeRandomCheckpoint(checkpoint);
    await convert(checkpoint, converted, 'f16');
    const [wide, quantized] = [join(converted, 'model.gguf'), join(converted, 'model-q4_0.gguf')];
    await runTool(join(peerDir, 'llama-quantize'), [wide, quantized, 'Q4_0']);
    await rename(quantized, wide);
    await rename(converted, directory);
    await rm(checkpoint, { recursive: true });
  }
  return describeModel('random 513M', join(directory, 'model.gguf'), join(directory, 'mmproj.gguf'));
}

/** A model of random weights whose layers have a state, which cannot go back; made once, in q8_0. */
export async function hybridModel(cacheDir: string, log: (line: string) => void): Promise<BenchModel> {
  const directory = join(cacheDir, 'random-hybrid');
  if (!existsSync(directory)) {
    log('Making a hybrid model of 160 million random weights (half a minute, once)');
    const checkpoint = `${directory}.checkpoint`;
    const converted = `${directory}.part`;
    await writeHybridCheckpoint(checkpoint);
    await rm(converted, { recursive: true, force: true });
    await convert(checkpoint, converted, 'q8_0');
    await rename(converted, directory);
    await rm(checkpoint, { recursive: true });
  }
  const files = [join(directory, 'model.gguf'), join(directory, 'mmproj.gguf')] as const;
  return { ...(await describeModel('random hybrid 160M', ...files)), imageSize: hybridImageSize };
}

async function convert(sourceDir: string, destinationDir: string, outtype: 'auto' | 'f16' | 'q8_0'): Promise<void> {
  const { signal } = new AbortController();
  await convertCheckpoint({ sourceDir, destinationDir, outtype, onProgress: () => undefined, signal });
}

async function writeRandomCheckpoint(directory: string): Promise<void> {
  const patches = (vision.imageSize / vision.patchSize) ** 2;
  const config = {
    architectures: ['Gemma3ForConditionalGeneration'],
    model_type: 'gemma3',
    mm_tokens_per_image: vision.imageTokens,
    text_config: {
      model_type: 'gemma3_text',
      vocab_size: text.vocabulary,
      hidden_size: text.width,
      intermediate_size: text.inner,
      num_hidden_layers: text.layers,
      num_attention_heads: text.heads,
      num_key_value_heads: text.headsKv,
      head_dim: text.headDim,
      max_position_embeddings: 32_768,
      sliding_window: 512,
    },
    vision_config: {
      model_type: 'siglip_vision_model',
      hidden_size: vision.width,
      intermediate_size: vision.inner,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
    },
  };
  const preprocessor = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
  const tokens = markers.map((content, id) => [id, { content, special: true }] as const);
  const tokenizer = {
    add_bos_token: true,
    bos_token: '<bos>',
    eos_token: '<end_of_turn>',
    added_tokens_decoder: Object.fromEntries(tokens),
  };
  const template =
    "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' }}" +
    '{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}' +
    "{{ '<start_of_image>' if part.type == 'image' else part.text }}{% endfor %}{% endif %}{{ '<end_of_turn>\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}";
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  await writeFile(join(directory, 'preprocessor_config.json'), JSON.stringify(preprocessor));
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify(tokenizer));
  await writeFile(join(directory, 'chat_template.jinja'), template);
  await writeFile(join(directory, 'tokenizer.model'), sentencePieceModel(letterPieces(text.vocabulary)));
  await writePlainWeights(
    join(directory, 'model.safetensors'),
    new Map([...textShapes(text, 'language_model.'), ...visionShapes({ ...vision, patches }, text.width)]),
  );
}
