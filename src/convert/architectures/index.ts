import { VserveError } from '../../errors/index.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { Declare } from './architecture.ts';
import { nearestNames } from './nearest-names.ts';

interface Entry {
  readonly family: string;
  readonly load: () => Promise<Declare>;
}

const deepseekOcr = { family: 'deepseek-ocr', load: async () => (await import('./deepseek-ocr.ts')).declareText };
const ernie = { family: 'ernie4.5', load: async () => (await import('./ernie.ts')).declareErnie };
const gemma3 = { family: 'gemma3', load: async () => (await import('./gemma3.ts')).declareText };
const gemma3n = { family: 'gemma3n', load: async () => (await import('./gemma3n.ts')).declareText };
const gemma4 = { family: 'gemma4', load: async () => (await import('./gemma4.ts')).declareText };
const qwen2Vl = { family: 'qwen2-vl', load: async () => (await import('./qwen.ts')).declareQwen2Vl };
const glm4 = { family: 'glm4', load: async () => (await import('./glm4.ts')).declareText };
const glm4Moe = { family: 'glm4', load: async () => (await import('./glm4-moe.ts')).declareMoeText };
const lfm2 = { family: 'lfm2', load: async () => (await import('./lfm2.ts')).declareText };
const granite = { family: 'granite', load: async () => (await import('./granite.ts')).declareText };
const llava = { family: 'llava', load: async () => (await import('./llava.ts')).declareText };
const llama = { family: 'llama', load: async () => (await import('./llama.ts')).declareLlama };
const llama4 = { family: 'llama4', load: async () => (await import('./llama4.ts')).declareText };
const qwen35 = { family: 'qwen3.5', load: async () => (await import('./qwen3-5.ts')).declareText };
const qwen35Moe = { family: 'qwen3.5', load: async () => (await import('./qwen3-5.ts')).declareMoeText };
const smolvlm = { family: 'idefics3', load: llama.load };

/**
 * Which text model each name in `architectures` of a config.json stands for. To add a family, write its file beside
 * this one and name it here; nothing else in the converter needs to know.
 */
const textModels: Readonly<Record<string, Entry>> = {
  DeepseekOCR2ForCausalLM: deepseekOcr,
  DeepseekOCRForCausalLM: deepseekOcr,
  Ernie4_5ForCausalLM: ernie,
  Ernie4_5_ForCausalLM: ernie,
  Gemma3ForCausalLM: gemma3,
  Gemma3ForConditionalGeneration: gemma3,
  Gemma3nForCausalLM: gemma3n,
  Gemma3nForConditionalGeneration: gemma3n,
  Gemma4ForCausalLM: gemma4,
  Gemma4ForConditionalGeneration: gemma4,
  Gemma4UnifiedForConditionalGeneration: {
    family: 'gemma4',
    load: async () => (await import('./gemma4-unified.ts')).declareText,
  },
  Glm4ForCausalLM: glm4,
  Glm4MoeForCausalLM: glm4Moe,
  Glm4vForConditionalGeneration: glm4,
  Glm4vMoeForConditionalGeneration: glm4Moe,
  Granite4VisionForConditionalGeneration: { ...granite, family: 'granite4-vision' },
  GraniteForCausalLM: granite,
  Idefics3ForConditionalGeneration: smolvlm,
  KimiVLForConditionalGeneration: {
    family: 'kimi-vl',
    load: async () => (await import('./kimi-vl.ts')).declareText,
  },
  Lfm2ForCausalLM: lfm2,
  Lfm2VlForConditionalGeneration: lfm2,
  Llama4ForCausalLM: llama4,
  Llama4ForConditionalGeneration: llama4,
  LlamaForCausalLM: llama,
  LlavaForConditionalGeneration: llava,
  LlavaNextForConditionalGeneration: { ...llava, family: 'llava-next' },
  MiniCPMV4_6ForConditionalGeneration: {
    family: 'minicpm-v',
    load: async () => (await import('./minicpm-v.ts')).declareText,
  },
  Ministral3ForCausalLM: { family: 'mistral3', load: async () => (await import('./llama.ts')).declareMistral3 },
  Mistral3ForConditionalGeneration: {
    family: 'mistral3',
    load: async () => (await import('./llama.ts')).declareMistral3,
  },
  MistralForCausalLM: llama,
  MixtralForCausalLM: { family: 'llama', load: async () => (await import('./llama.ts')).declareMixtral },
  PaddleOCRVLForConditionalGeneration: {
    family: 'paddleocr-vl',
    load: async () => (await import('./ernie.ts')).declarePaddleOcr,
  },
  Qwen2ForCausalLM: { family: 'qwen2', load: async () => (await import('./qwen.ts')).declareQwen2 },
  Qwen2VLForConditionalGeneration: qwen2Vl,
  Qwen2_5_VLForConditionalGeneration: qwen2Vl,
  Qwen3ForCausalLM: { family: 'qwen3', load: async () => (await import('./qwen.ts')).declareQwen3 },
  Qwen3MoeForCausalLM: { family: 'qwen3', load: async () => (await import('./qwen.ts')).declareQwen3Moe },
  Qwen3VLForConditionalGeneration: {
    family: 'qwen3-vl',
    load: async () => (await import('./qwen.ts')).declareQwen3Vl,
  },
  Qwen3VLMoeForConditionalGeneration: {
    family: 'qwen3-vl',
    load: async () => (await import('./qwen.ts')).declareQwen3VlMoe,
  },
  Qwen3_5ForCausalLM: qwen35,
  Qwen3_5ForConditionalGeneration: qwen35,
  Qwen3_5MoeForCausalLM: qwen35Moe,
  Qwen3_5MoeForConditionalGeneration: qwen35Moe,
  SmolVLMForConditionalGeneration: smolvlm,
  VLlama3ForCausalLM: smolvlm,
};

const qwen2VlVision = { family: 'qwen2-vl', load: async () => (await import('./qwen2-vl-vision.ts')).declareVision };
const qwen3VlVision = { family: 'qwen3-vl', load: async () => (await import('./qwen3-vl-vision.ts')).declareVision };

const glm4Vision = { family: 'glm4', load: async () => (await import('./glm4.ts')).declareVision };
const idefics3Vision = { family: 'idefics3', load: async () => (await import('./idefics3-vision.ts')).declareVision };
const llavaVision = { family: 'llava', load: async () => (await import('./llava.ts')).declareVision };
const paddleOcrVision = {
  family: 'paddleocr-vl',
  load: async () => (await import('./paddleocr-vision.ts')).declareVision,
};
const pixtralVision = { family: 'pixtral', load: async () => (await import('./pixtral-vision.ts')).declareVision };

/** The same for vision encoders with their projectors, which become `mmproj.gguf`. */
const visionModels: Readonly<Record<string, Entry>> = {
  DeepseekOCR2ForCausalLM: {
    family: 'deepseek-ocr',
    load: async () => (await import('./deepseek-ocr-vision.ts')).declareVision2,
  },
  DeepseekOCRForCausalLM: {
    family: 'deepseek-ocr',
    load: async () => (await import('./deepseek-ocr-vision.ts')).declareVision,
  },
  Gemma3ForConditionalGeneration: {
    family: 'gemma3',
    load: async () => (await import('./gemma3.ts')).declareVision,
  },
  Gemma3nForConditionalGeneration: {
    family: 'gemma3n',
    load: async () => (await import('./gemma3n-vision.ts')).declareVision,
  },
  Gemma4ForConditionalGeneration: {
    family: 'gemma4',
    load: async () => (await import('./gemma4-vision.ts')).declareVision,
  },
  Gemma4UnifiedForConditionalGeneration: {
    family: 'gemma4',
    load: async () => (await import('./gemma4-unified.ts')).declareVision,
  },
  Glm4vForConditionalGeneration: glm4Vision,
  Glm4vMoeForConditionalGeneration: glm4Vision,
  Granite4VisionForConditionalGeneration: {
    family: 'granite4-vision',
    load: async () => (await import('./granite4-vision.ts')).declareVision,
  },
  Idefics3ForConditionalGeneration: idefics3Vision,
  InternVisionModel: { family: 'internvl', load: async () => (await import('./internvl-vision.ts')).declareVision },
  KimiVLForConditionalGeneration: {
    family: 'kimi-vl',
    load: async () => (await import('./kimi-vl.ts')).declareVision,
  },
  Lfm2VlForConditionalGeneration: { family: 'lfm2', load: async () => (await import('./lfm2.ts')).declareVision },
  Llama4ForConditionalGeneration: {
    family: 'llama4',
    load: async () => (await import('./llama4-vision.ts')).declareVision,
  },
  LlavaForConditionalGeneration: llavaVision,
  LlavaNextForConditionalGeneration: { ...llavaVision, family: 'llava-next' },
  MiniCPMV4_6ForConditionalGeneration: {
    family: 'minicpm-v',
    load: async () => (await import('./minicpm-v.ts')).declareVision,
  },
  Mistral3ForConditionalGeneration: { ...pixtralVision, family: 'mistral3' },
  PaddleOCRVLForConditionalGeneration: paddleOcrVision,
  PaddleOCRVisionModel: paddleOcrVision,
  Qwen2VLForConditionalGeneration: qwen2VlVision,
  Qwen2_5_VLForConditionalGeneration: qwen2VlVision,
  Qwen3VLForConditionalGeneration: qwen3VlVision,
  Qwen3VLMoeForConditionalGeneration: qwen3VlVision,
  Qwen3_5ForConditionalGeneration: { ...qwen3VlVision, family: 'qwen3.5' },
  Qwen3_5MoeForConditionalGeneration: { ...qwen3VlVision, family: 'qwen3.5' },
  SmolVLMForConditionalGeneration: idefics3Vision,
};

/** Checkpoints whose parts have architectures of their own, in `llm_config` and `vision_config`: by those they convert. */
const composites: readonly SupportedArchitecture[] = [
  { architecture: 'InternVLChatModel', family: 'internvl', vision: true },
  { architecture: 'InternVLForConditionalGeneration', family: 'internvl', vision: true },
];

/** An architecture that can be converted, by its name in config.json. */
export interface SupportedArchitecture {
  readonly architecture: string;
  readonly family: string;
  /** Whether it has a vision encoder, so that the conversion also gives a `mmproj.gguf`. */
  readonly vision: boolean;
}

/** Every architecture whose checkpoints `convertCheckpoint` converts. */
export function supportedArchitectures(): readonly SupportedArchitecture[] {
  const single = Object.entries(textModels).map(([architecture, { family }]) => ({
    architecture,
    family,
    vision: Object.hasOwn(visionModels, architecture),
  }));
  return [...single, ...composites].sort((a, b) => (a.architecture < b.architecture ? -1 : 1));
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
 * @throws VserveError `architecture_unsupported`, which lists what is supported
 */
export async function findDeclarations(config: JsonObject): Promise<Declarations> {
  const top = firstArchitecture(config);
  const text = firstArchitecture(config.text_config) ?? firstArchitecture(config.llm_config) ?? top;
  const vision = firstArchitecture(config.vision_config) ?? top;
  if (text === undefined || vision === undefined) {
    throw new VserveError('architecture_unsupported', `config.json names no architecture.\n${supportedList()}`);
  }
  const textEntry = entryOf(textModels, text);
  if (textEntry === undefined) throw unknownPart(text, 'text', 'llm_config or text_config');
  const visionEntry = isTextOnly(config) ? undefined : entryOf(visionModels, vision);
  if (visionEntry === undefined && (isJsonObject(config.vision_config) || isComposite(vision))) {
    throw unknownPart(vision, 'vision', 'vision_config');
  }
  return { architecture: top ?? text, text: await textEntry.load(), vision: await visionEntry?.load() };
}

/** A text model taken out of a larger one, whose name may still stand in `architectures`. */
function isTextOnly(config: JsonObject): boolean {
  const { model_type: kind, vision_config: vision } = config;
  return !isJsonObject(vision) && typeof kind === 'string' && kind.endsWith('_text');
}

function isComposite(name: string): boolean {
  return composites.some(({ architecture }) => architecture === name);
}

/** A composite stands for a part only where the part's own name is missing. */
function unknownPart(name: string, part: string, place: string): VserveError {
  if (!isComposite(name)) return unsupported(name);
  const message = `config.json does not tell which ${part} model this ${name} has: "architectures" is missing under ${place}. Download it again.`;
  return new VserveError('checkpoint_invalid', message);
}

function firstArchitecture(config: unknown): string | undefined {
  if (!isJsonObject(config) || !Array.isArray(config.architectures)) return undefined;
  const [name] = config.architectures as unknown[];
  return typeof name === 'string' ? name : undefined;
}

function entryOf(entries: Readonly<Record<string, Entry>>, name: string): Entry | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
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
