import sharp from 'sharp';
import { inject } from 'vitest';
import backend from '../../backends/node-llama-cpp/index.ts';
import { greedy, greedyRequest } from '../engine/greedy.ts';
import type {
  Bitmap,
  ContentPart,
  GenerateRequest,
  GenerationEvent,
  LoadedModel,
  LoadSettings,
  ModelFiles,
} from '../../src/backend/index.ts';
import { pictureBytes, type ReferenceCase } from './shapes.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';

/** The embedded model's files, as global-setup converted them. */
export function shapesFiles(): ModelFiles {
  return { modelPath: inject('shapesModelPath'), mmprojPath: inject('shapesMmprojPath') };
}

/** `scripts/gpu-check` runs tests of the engine on a GPU. */
export const devices = process.env['VSERVE_TEST_DEVICES'] ?? 'cpu';

/** Loads the embedded model on the CPU, unless told otherwise. The caller closes it. */
export function loadShapes(
  settings: Partial<LoadSettings> = {},
  files: Partial<ModelFiles> = {},
  onLog: (message: string) => void = () => undefined,
): Promise<LoadedModel> {
  return backend.load(
    { ...shapesFiles(), ...files },
    { ...defaultLoadSettings, devices, ...settings },
    {
      onProgress: () => undefined,
      log: (_level, message) => {
        onLog(message);
      },
      signal: new AbortController().signal,
    },
  );
}

/** The pixels of a reference picture that needs no more than libvips to decode. */
export async function picture(name: string): Promise<Bitmap> {
  const { data, info } = await sharp(pictureBytes(name)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: data, id: name };
}

export { greedy };

/** A request of one user turn; greedy, to the end of the answer. */
export function userTurn(
  content: readonly (ContentPart | string)[],
  changes: Partial<GenerateRequest> = {},
): GenerateRequest {
  const parts = content.map((part): ContentPart => (typeof part === 'string' ? { type: 'text', text: part } : part));
  return {
    messages: [{ role: 'user', content: parts }],
    ...greedyRequest,
    maxTokens: 300,
    ...changes,
  };
}

/** The request of a reference case whose pictures libvips decodes. */
export async function referenceRequest(
  { messages }: ReferenceCase,
  changes: Partial<GenerateRequest> = {},
): Promise<GenerateRequest> {
  return {
    ...userTurn([], changes),
    messages: await Promise.all(
      messages.map(async ({ role, content }) => ({
        role,
        content: await Promise.all(
          content.map(async (part): Promise<ContentPart> =>
            part.type === 'text' ? part : { type: 'image', image: await picture(part.image) },
          ),
        ),
      })),
    ),
  };
}

export interface Answer {
  readonly text: string;
  readonly promptTokens: number;
  readonly finish: Extract<GenerationEvent, { type: 'finish' }>;
}

/** Runs a request to its end. */
export async function answer(
  model: LoadedModel,
  request: GenerateRequest,
  signal = new AbortController().signal,
): Promise<Answer> {
  let text = '';
  let promptTokens = -1;
  for await (const event of model.generate(request, signal)) {
    if (event.type === 'start') promptTokens = event.promptTokens;
    if (event.type === 'text-delta') text += event.text;
    if (event.type === 'finish') return { text, promptTokens, finish: event };
  }
  throw new Error('The generation ended without a finish event');
}

/** Waits, turn by turn of the event loop, until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
