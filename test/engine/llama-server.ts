import { join } from 'node:path';
import sharp from 'sharp';
import { startServer } from '../../scripts/bench/server.ts';
import type { Server } from '../../scripts/bench/server.ts';
import type { Bitmap, ChatMessage, ModelFiles } from '../../src/backend/index.ts';
import type { Outtype } from '../../src/convert/index.ts';
import type { SyntheticCheckpoint } from '../reference/write-checkpoint.ts';
import { answerTokens } from './conversations.ts';
import { withEndOfImage } from './gemma3n-peer.ts';

/** What llama-server made of a conversation. */
export interface PeerAnswer {
  readonly promptTokens: number;
  readonly text: string;
  /** The least difference between the logits of the likeliest token and the next, over the answer. */
  readonly smallestMargin: number;
}

interface Completion {
  readonly choices: readonly [
    {
      readonly message: { readonly content: string };
      readonly logprobs: { readonly content: readonly { readonly top_logprobs: readonly { logprob: number }[] }[] };
    },
  ];
  readonly usage: { readonly prompt_tokens: number };
}

/** What stands before and after an image; `{number}` is its number in the conversation. */
export interface Surroundings {
  readonly before: string;
  readonly after: string;
}

/** By projector type, what vserve writes round an image and llama.cpp alone leaves out. */
const surroundings: Readonly<Record<string, Surroundings>> = {
  gemma3: { before: '\n\n', after: '\n\n' },
  gemma3nv: { before: '\n\n', after: '\n\n' },
  internvl: { before: '', after: '\n' },
  minicpmv4_6: { before: '<image_id>{number}</image_id>', after: '' },
  mlp: { before: '', after: '\n' },
};

/** What vserve writes round an image of a projector type and llama-server would not. */
export function surroundingsOf(projectorType: string): Surroundings {
  return surroundings[projectorType] ?? { before: '', after: '' };
}

/**
 * What llama-server's files are made of. It puts InternVL's class token behind the patches and reads their positions from the
 * first row on, which is the class token's: with that row last, each has its own again.
 */
export function peerCheckpoint(checkpoint: SyntheticCheckpoint): SyntheticCheckpoint {
  const { elementsOf, shapes } = checkpoint;
  if (shapes.has('model.embed_vision.hard_embedding_norm.weight')) return withEndOfImage(checkpoint);
  if (elementsOf === undefined) return checkpoint;
  return {
    ...checkpoint,
    elementsOf: (tensor, shape, next) => {
      const bytes = elementsOf(tensor, shape, next);
      if (!classFirst.test(tensor)) return bytes;
      const row = bytes.byteLength / (shape[1] ?? 1);
      return Buffer.concat([bytes.subarray(row), bytes.subarray(0, row)]);
    },
  };
}

/** The type of llama-server's projector. It convolves Gemma 3n's channels with weights of half precision only. */
export function peerMmprojOuttypeOf(name: string): Outtype {
  return name.startsWith('gemma3n') ? 'f16' : 'f32';
}

const classFirst =
  /^(model\.vision_tower\.embeddings\.position_embeddings|vision_model\.embeddings\.position_embedding)$/;

/**
 * Whether llama-server attends in single precision: without flash attention, whose sums are of half precision in encoders with
 * heads that do not fill the CPU's vectors. It knows one setting for the encoder and the text model.
 */
export function peerAttendsInSingles(name: string): boolean {
  return /^(gemma4|qwen2\.5-vl|qwen3)/.test(name);
}

/** Starts llama-server on a model, on the CPU. */
export function startLlamaServer(
  peerDir: string,
  { modelPath, mmprojPath }: ModelFiles,
  attendsInSingles: boolean,
): Promise<Server> {
  const model = [
    '--model',
    modelPath,
    '--mmproj',
    mmprojPath ?? '',
    '--ctx-size',
    '8192',
    '--parallel',
    '1',
    // With more, so small a model mostly waits for them.
    '--threads',
    '1',
    ...(attendsInSingles ? ['--flash-attn', 'off', '--cache-type-k', 'f32', '--cache-type-v', 'f32'] : []),
    '--jinja',
    // It would encode pictures together that have as many tokens, whatever their shapes, and see them wrongly.
    '--mtmd-batch-max-tokens',
    '1',
    // It ends at a picture that looks ahead and does not fit in one.
    '--ubatch-size',
    '2048',
  ];
  return startServer('llama-server', (port) => {
    const place = ['--host', '127.0.0.1', '--port', String(port)];
    return [join(peerDir, 'llama-server'), '--log-disable', ...place, ...model];
  });
}

/**
 * Asks for a greedy answer of `answerTokens` tokens, with what vserve writes round an image beside it, and `shown` of each
 * picture.
 */
export async function askLlamaServer(
  url: string,
  messages: readonly ChatMessage[],
  placement: Surroundings,
  shown: (picture: Bitmap) => Promise<Bitmap>,
): Promise<PeerAnswer> {
  let images = 0;
  const sent: object[] = [];
  for (const { role, content } of messages) {
    sent.push({ role, content: await partsOf(content, placement, images, shown) });
    images += content.filter(({ type }) => type === 'image').length;
  }
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      messages: sent,
      temperature: 0,
      repeat_penalty: 1,
      max_tokens: answerTokens,
      ignore_eos: true,
      logprobs: true,
      top_logprobs: 2,
    }),
  });
  if (!response.ok) throw new Error(`llama-server: ${await response.text()}`);
  const { choices, usage } = (await response.json()) as Completion;
  const margins = choices[0].logprobs.content.map(
    ({ top_logprobs: [best, next] }) => (best?.logprob ?? 0) - (next?.logprob ?? -Infinity),
  );
  return {
    promptTokens: usage.prompt_tokens,
    text: choices[0].message.content,
    smallestMargin: Math.min(...margins),
  };
}

/** llama-server writes line breaks between parts of text: what stands round an image belongs to the text beside it. */
async function partsOf(
  content: ChatMessage['content'],
  { before, after }: Surroundings,
  imagesBefore: number,
  shown: (picture: Bitmap) => Promise<Bitmap>,
): Promise<object[]> {
  let number = imagesBefore;
  const parts: object[] = [];
  let text = '';
  const endText = (): void => {
    if (text !== '') parts.push({ type: 'text', text });
    text = '';
  };
  for (const part of content) {
    if (part.type === 'text') {
      text += part.text;
      continue;
    }
    text += before.replace('{number}', String(number++));
    endText();
    parts.push(await imagePart(await shown(part.image)));
    text = after;
  }
  endText();
  return parts;
}

async function imagePart({ width, height, rgb }: Bitmap): Promise<object> {
  const png = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return { type: 'image_url', image_url: { url: `data:image/png;base64,${png.toString('base64')}` } };
}
