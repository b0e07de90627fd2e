import { getLlama } from 'node-llama-cpp';
import type { ChatMessage, TemplateSettings } from '../../src/backend/index.ts';
import { loadNativeAddon } from '../../backends/node-llama-cpp/addon-loader.ts';
import { toNative } from '../../backends/node-llama-cpp/loaded-llama.ts';
import type { NativeTemplate, RenderedRun } from '../../backends/node-llama-cpp/native-addon.ts';
import type { ReferenceTemplate } from '../reference/chat-templates.ts';

/** A conversation of test/fixtures/chat-templates. */
export interface WrittenConversation extends Partial<TemplateSettings> {
  readonly messages: readonly (Omit<ChatMessage, 'content'> & {
    /** Null and none at all are the same to the API. */
    readonly content?:
      string | null | readonly ({ readonly type: 'text'; readonly text: string } | { readonly type: 'image' })[];
  })[];
}

/** `written`: what stands for an image where the template writes none, including the slot. */
type Render = (
  template: ReferenceTemplate & { readonly written?: string },
  conversation: WrittenConversation,
) => readonly RenderedRun[];

const tokens = { bos_token: '<bos>', eos_token: '<eos>' };
const pixel = { width: 1, height: 1, rgb: new Uint8Array(3), id: 'pixel' };

function messageOf({ content, ...message }: WrittenConversation['messages'][number]): ChatMessage {
  if (content === undefined || content === null) return { ...message, content: [] };
  if (typeof content === 'string') return { ...message, content: [{ type: 'text', text: content }] };
  return {
    ...message,
    content: content.map((part) => (part.type === 'text' ? part : { type: 'image', image: pixel })),
  };
}

/** Renders without a model: `<bos>` and `<eos>` are its tokens, and an image's run has the template's slot for a text. */
export async function templateRenderer(): Promise<Render> {
  const addon = loadNativeAddon(await getLlama({ gpu: false }));
  const loaded = new Map<string, NativeTemplate>();
  return ({ source, slot, written = slot }, { messages, ...settings }) => {
    const key = JSON.stringify([source, slot, written]);
    const placement = { slot, before: '', after: '', written, spoken: [] };
    const template = loaded.get(key) ?? addon.loadTemplate(source, tokens, placement);
    loaded.set(key, template);
    const { conversation, images } = toNative(messages.map(messageOf), {
      variables: {},
      addGenerationPrompt: true,
      continueFinalMessage: false,
      ...settings,
    });
    return addon
      .renderTemplate(template, conversation, images.length)
      .map((run) => (run.image < 0 ? run : { ...run, text: slot }));
  };
}

export function textOf(runs: readonly RenderedRun[]): string {
  return runs.map(({ text }) => text).join('');
}
