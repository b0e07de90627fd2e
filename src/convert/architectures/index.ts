import { VserveError } from '../../errors/index.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { Declare } from './architecture.ts';
import { nearestNames } from './nearest-names.ts';

interface Entry {
  readonly family: string;
  readonly load: () => Promise<Declare>;
}

/**
 * Which text model each name in `architectures` of a config.json stands for. To add a family, write its file beside
 * this one and name it here; nothing else in the converter needs to know.
 */
const textModels: Readonly<Record<string, Entry>> = {
  Gemma3ForCausalLM: { family: 'gemma3', load: async () => (await import('./gemma3.ts')).declareText },
  Gemma3ForConditionalGeneration: { family: 'gemma3', load: async () => (await import('./gemma3.ts')).declareText },
};

/** The same for vision encoders with their projectors, which become `mmproj.gguf`. */
const visionModels: Readonly<Record<string, Entry>> = {
  Gemma3ForConditionalGeneration: { family: 'gemma3', load: async () => (await import('./gemma3.ts')).declareVision },
};

/** An architecture that can be converted, by its name in config.json. */
export interface SupportedArchitecture {
  readonly architecture: string;
  readonly family: string;
  /** Whether it has a vision encoder, so that the conversion also gives a `mmproj.gguf`. */
  readonly vision: boolean;
}

/** Every architecture whose checkpoints `convertCheckpoint` converts. */
export function supportedArchitectures(): readonly SupportedArchitecture[] {
  return Object.entries(textModels).map(([architecture, { family }]) => ({
    architecture,
    family,
    vision: Object.hasOwn(visionModels, architecture),
  }));
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
  const text = firstArchitecture(config.text_config) ?? top;
  const vision = firstArchitecture(config.vision_config) ?? top;
  if (text === undefined || vision === undefined) {
    throw new VserveError('architecture_unsupported', `config.json names no architecture. ${supportedList()}`);
  }
  const textEntry = entryOf(textModels, text);
  if (textEntry === undefined) throw unsupported(text);
  const visionEntry = entryOf(visionModels, vision);
  if (visionEntry === undefined && isJsonObject(config.vision_config)) throw unsupported(vision);
  return { architecture: top ?? text, text: await textEntry.load(), vision: await visionEntry?.load() };
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
  return `Supported: ${Object.keys(textModels).sort().join(', ')}.`;
}

function unsupported(name: string): VserveError {
  const near = nearestNames(name, Object.keys(textModels));
  const hint = near.length > 0 ? ` The nearest: ${near.join(', ')}.` : '';
  const message = `The architecture ${JSON.stringify(name)} cannot be converted.${hint} ${supportedList()}`;
  return new VserveError('architecture_unsupported', message);
}
