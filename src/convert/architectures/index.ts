import { VserveError } from '../../errors/index.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { Declare } from './architecture.ts';
import { nearestNames } from './nearest-names.ts';

type Load = () => Promise<Declare>;

interface Entry {
  readonly family: string;
  /** Declares `model.gguf`. */
  readonly text?: Load;
  /** Declares `mmproj.gguf`: the vision encoder with its projector. */
  readonly vision?: Load;
  /** Its parts name their own architectures in `llm_config` and `vision_config`, and convert by those. */
  readonly isComposite?: true;
}

const deepseekOcr: Load = async () => (await import('./deepseek-ocr.ts')).declareText;
const ernie: Load = async () => (await import('./ernie.ts')).declareErnie;
const gemma3: Load = async () => (await import('./gemma3.ts')).declareText;
const gemma3n: Load = async () => (await import('./gemma3n.ts')).declareText;
const gemma4: Load = async () => (await import('./gemma4.ts')).declareText;
const glm4: Load = async () => (await import('./glm4.ts')).declareText;
const glm4Moe: Load = async () => (await import('./glm4-moe.ts')).declareMoeText;
const glm4Vision: Load = async () => (await import('./glm4.ts')).declareVision;
const granite: Load = async () => (await import('./granite.ts')).declareText;
const lfm2: Load = async () => (await import('./lfm2.ts')).declareText;
const llama: Load = async () => (await import('./llama.ts')).declareLlama;
const llama4: Load = async () => (await import('./llama4.ts')).declareText;
const llava: Load = async () => (await import('./llava.ts')).declareText;
const llavaVision: Load = async () => (await import('./llava.ts')).declareVision;
const mistral3: Load = async () => (await import('./llama.ts')).declareMistral3;
const paddleOcrVision: Load = async () => (await import('./paddleocr-vision.ts')).declareVision;
const qwen2Vl: Load = async () => (await import('./qwen.ts')).declareQwen2Vl;
const qwen2VlVision: Load = async () => (await import('./qwen2-vl-vision.ts')).declareVision;
const qwen3VlVision: Load = async () => (await import('./qwen3-vl-vision.ts')).declareVision;
const qwen35: Load = async () => (await import('./qwen3-5.ts')).declareText;
const qwen35Moe: Load = async () => (await import('./qwen3-5.ts')).declareMoeText;

const idefics3: Entry = {
  family: 'idefics3',
  text: llama,
  vision: async () => (await import('./idefics3-vision.ts')).declareVision,
};

/**
 * What each name in `architectures` of a config.json stands for. To add a family, write its file beside this one and name
 * it here; then `npx vitest run test/convert/reference.test.ts` says what is still missing.
 */
const architectures: Readonly<Record<string, Entry>> = {
  DeepseekOCR2ForCausalLM: {
    family: 'deepseek-ocr',
    text: deepseekOcr,
    vision: async () => (await import('./deepseek-ocr-vision.ts')).declareVision2,
  },
  DeepseekOCRForCausalLM: {
    family: 'deepseek-ocr',
    text: deepseekOcr,
    vision: async () => (await import('./deepseek-ocr-vision.ts')).declareVision,
  },
  Ernie4_5ForCausalLM: { family: 'ernie4.5', text: ernie },
  Ernie4_5_ForCausalLM: { family: 'ernie4.5', text: ernie },
  Gemma3ForCausalLM: { family: 'gemma3', text: gemma3 },
  Gemma3ForConditionalGeneration: {
    family: 'gemma3',
    text: gemma3,
    vision: async () => (await import('./gemma3.ts')).declareVision,
  },
  Gemma3nForCausalLM: { family: 'gemma3n', text: gemma3n },
  Gemma3nForConditionalGeneration: {
    family: 'gemma3n',
    text: gemma3n,
    vision: async () => (await import('./gemma3n-vision.ts')).declareVision,
  },
  Gemma4ForCausalLM: { family: 'gemma4', text: gemma4 },
  Gemma4ForConditionalGeneration: {
    family: 'gemma4',
    text: gemma4,
    vision: async () => (await import('./gemma4-vision.ts')).declareVision,
  },
  Gemma4UnifiedForConditionalGeneration: {
    family: 'gemma4',
    text: async () => (await import('./gemma4-unified.ts')).declareText,
    vision: async () => (await import('./gemma4-unified.ts')).declareVision,
  },
  Glm4ForCausalLM: { family: 'glm4', text: glm4 },
  Glm4MoeForCausalLM: { family: 'glm4', text: glm4Moe },
  Glm4vForConditionalGeneration: { family: 'glm4', text: glm4, vision: glm4Vision },
  Glm4vMoeForConditionalGeneration: { family: 'glm4', text: glm4Moe, vision: glm4Vision },
  Granite4VisionForConditionalGeneration: {
    family: 'granite4-vision',
    text: granite,
    vision: async () => (await import('./granite4-vision.ts')).declareVision,
  },
  GraniteForCausalLM: { family: 'granite', text: granite },
  Idefics3ForConditionalGeneration: idefics3,
  InternVLChatModel: { family: 'internvl', isComposite: true },
  InternVLForConditionalGeneration: { family: 'internvl', isComposite: true },
  InternVisionModel: { family: 'internvl', vision: async () => (await import('./internvl-vision.ts')).declareVision },
  KimiVLForConditionalGeneration: {
    family: 'kimi-vl',
    text: async () => (await import('./kimi-vl.ts')).declareText,
    vision: async () => (await import('./kimi-vl.ts')).declareVision,
  },
  Lfm2ForCausalLM: { family: 'lfm2', text: lfm2 },
  Lfm2VlForConditionalGeneration: {
    family: 'lfm2',
    text: lfm2,
    vision: async () => (await import('./lfm2.ts')).declareVision,
  },
  Llama4ForCausalLM: { family: 'llama4', text: llama4 },
  Llama4ForConditionalGeneration: {
    family: 'llama4',
    text: llama4,
    vision: async () => (await import('./llama4-vision.ts')).declareVision,
  },
  LlamaForCausalLM: { family: 'llama', text: llama },
  LlavaForConditionalGeneration: { family: 'llava', text: llava, vision: llavaVision },
  LlavaNextForConditionalGeneration: { family: 'llava-next', text: llava, vision: llavaVision },
  MiniCPMV4_6ForConditionalGeneration: {
    family: 'minicpm-v',
    text: async () => (await import('./minicpm-v.ts')).declareText,
    vision: async () => (await import('./minicpm-v.ts')).declareVision,
  },
  Ministral3ForCausalLM: { family: 'mistral3', text: mistral3 },
  Mistral3ForConditionalGeneration: {
    family: 'mistral3',
    text: mistral3,
    vision: async () => (await import('./pixtral-vision.ts')).declareVision,
  },
  MistralForCausalLM: { family: 'llama', text: llama },
  MixtralForCausalLM: { family: 'llama', text: async () => (await import('./llama.ts')).declareMixtral },
  PaddleOCRVLForConditionalGeneration: {
    family: 'paddleocr-vl',
    text: async () => (await import('./ernie.ts')).declarePaddleOcr,
    vision: paddleOcrVision,
  },
  PaddleOCRVisionModel: { family: 'paddleocr-vl', vision: paddleOcrVision },
  Qwen2ForCausalLM: { family: 'qwen2', text: async () => (await import('./qwen.ts')).declareQwen2 },
  Qwen2VLForConditionalGeneration: { family: 'qwen2-vl', text: qwen2Vl, vision: qwen2VlVision },
  Qwen2_5_VLForConditionalGeneration: { family: 'qwen2-vl', text: qwen2Vl, vision: qwen2VlVision },
  Qwen3ForCausalLM: { family: 'qwen3', text: async () => (await import('./qwen.ts')).declareQwen3 },
  Qwen3MoeForCausalLM: { family: 'qwen3', text: async () => (await import('./qwen.ts')).declareQwen3Moe },
  Qwen3VLForConditionalGeneration: {
    family: 'qwen3-vl',
    text: async () => (await import('./qwen.ts')).declareQwen3Vl,
    vision: qwen3VlVision,
  },
  Qwen3VLMoeForConditionalGeneration: {
    family: 'qwen3-vl',
    text: async () => (await import('./qwen.ts')).declareQwen3VlMoe,
    vision: qwen3VlVision,
  },
  Qwen3_5ForCausalLM: { family: 'qwen3.5', text: qwen35 },
  Qwen3_5ForConditionalGeneration: { family: 'qwen3.5', text: qwen35, vision: qwen3VlVision },
  Qwen3_5MoeForCausalLM: { family: 'qwen3.5', text: qwen35Moe },
  Qwen3_5MoeForConditionalGeneration: { family: 'qwen3.5', text: qwen35Moe, vision: qwen3VlVision },
  SmolVLMForConditionalGeneration: idefics3,
  VLlama3ForCausalLM: { family: 'idefics3', text: llama },
};

/** An architecture that can be converted, by its name in config.json. */
export interface SupportedArchitecture {
  readonly architecture: string;
  readonly family: string;
  /** Whether it has a vision encoder, so that the conversion also writes `mmproj.gguf`. */
  readonly vision: boolean;
}

/** Every architecture whose checkpoints `convertCheckpoint` converts. */
export function supportedArchitectures(): readonly SupportedArchitecture[] {
  return Object.entries(architectures)
    .filter(([, { text, isComposite }]) => text !== undefined || isComposite === true)
    .map(([architecture, { family, vision, isComposite }]) => ({
      architecture,
      family,
      vision: vision !== undefined || isComposite === true,
    }))
    .sort((a, b) => (a.architecture < b.architecture ? -1 : 1));
}

/** The declarations of the files that a checkpoint becomes. */
export interface Declarations {
  /** The name in config.json that chose them. */
  readonly architecture: string;
  readonly text: Declare;
  readonly vision: Declare | undefined;
}

/**
 * Finds the declarations for a checkpoint by its config.json. A name under `text_config` or `vision_config` goes before
 * the one at the top, as in convert_hf_to_gguf.py.
 *
 * Throws `architecture_unsupported`, which lists what is supported.
 */
export async function findDeclarations(config: JsonObject): Promise<Declarations> {
  const top = firstArchitecture(config);
  const text = firstArchitecture(config.text_config) ?? firstArchitecture(config.llm_config) ?? top;
  const vision = firstArchitecture(config.vision_config) ?? top;
  if (text === undefined || vision === undefined) {
    throw new VserveError('architecture_unsupported', `config.json names no architecture.\n${supportedList()}`);
  }
  const loadText = entryOf(text)?.text;
  if (loadText === undefined) throw unknownPart(text, 'text', 'llm_config or text_config');
  const loadVision = isTextOnly(config) ? undefined : entryOf(vision)?.vision;
  if (loadVision === undefined && (isJsonObject(config.vision_config) || isComposite(vision))) {
    throw unknownPart(vision, 'vision', 'vision_config');
  }
  return { architecture: top ?? text, text: await loadText(), vision: await loadVision?.() };
}

/** A text model taken out of a larger one, whose name may remain in `architectures`. */
function isTextOnly(config: JsonObject): boolean {
  const { model_type: kind, vision_config: vision } = config;
  return !isJsonObject(vision) && typeof kind === 'string' && kind.endsWith('_text');
}

function isComposite(name: string): boolean {
  return entryOf(name)?.isComposite === true;
}

/** The error for a part without a declaration: a composite names no part by itself. */
function unknownPart(name: string, part: string, place: string): VserveError {
  if (!isComposite(name)) return unsupported(name);
  const message = `config.json does not say which ${part} model this ${name} has: "architectures" is missing under ${place}. Download it again.`;
  return new VserveError('checkpoint_invalid', message);
}

function firstArchitecture(config: unknown): string | undefined {
  if (!isJsonObject(config) || !Array.isArray(config.architectures)) return undefined;
  const [name] = config.architectures as unknown[];
  return typeof name === 'string' ? name : undefined;
}

function entryOf(name: string): Entry | undefined {
  return Object.hasOwn(architectures, name) ? architectures[name] : undefined;
}

function supportedList(): string {
  const all = supportedArchitectures();
  const withVision = all.filter(({ vision }) => vision).map(({ architecture }) => architecture);
  const textOnly = all.filter(({ vision }) => !vision).map(({ architecture }) => architecture);
  return `Supported with vision: ${withVision.join(', ')}.\nText only: ${textOnly.join(', ')}.`;
}

function unsupported(name: string): VserveError {
  const near = nearestNames(
    name,
    supportedArchitectures().map(({ architecture }) => architecture),
  );
  const hint = near.length > 0 ? ` The nearest: ${near.join(', ')}.` : '';
  const others =
    "With --converter llama.cpp, llama.cpp's own converter is run, which knows others; it needs Python with PyTorch and transformers.";
  const message = `The architecture ${JSON.stringify(name)} cannot be converted.${hint}
${supportedList()}
${others}`;
  return new VserveError('architecture_unsupported', message);
}
