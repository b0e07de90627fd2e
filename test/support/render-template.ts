import { getLlama } from 'node-llama-cpp';
import type { ChatMessage, ReasoningSettings, TemplateSettings, Tool, ToolSettings } from '../../src/backend/index.ts';
import { loadNativeAddon } from '../../backends/node-llama-cpp/addon-loader.ts';
import { toNative } from '../../backends/node-llama-cpp/loaded-llama.ts';
import { formatsOfTools } from '../../backends/node-llama-cpp/native-tools.ts';
import { compileFormat } from '../../backends/node-llama-cpp/schema/answer-source.ts';
import type { NativeTemplate, ReadAnswer, RenderedRun } from '../../backends/node-llama-cpp/native-addon.ts';
import type { ReferenceTemplate } from '../reference/chat-templates.ts';

/** A conversation of test/fixtures/chat-templates. */
export interface WrittenConversation extends Partial<TemplateSettings> {
  readonly messages: readonly (Omit<ChatMessage, 'content'> & {
    /** Null and none at all are the same to the API. */
    readonly content?:
      string | null | readonly ({ readonly type: 'text'; readonly text: string } | { readonly type: 'image' })[];
  })[];
  readonly tools?: readonly (Pick<Tool, 'name'> & Partial<Tool>)[];
  readonly choice?: ToolSettings['choice'];
  readonly parallel?: boolean;
  readonly reasoning?: ReasoningSettings;
}

/** `written`: what stands for an image where the template writes none, including the slot. */
type WrittenTemplate = ReferenceTemplate & { readonly written?: string };

type Render = (template: WrittenTemplate, conversation: WrittenConversation) => readonly RenderedRun[];

/** Reads an answer that comes in pieces. `isCut`: the model had not ended it. */
type Read = (
  template: WrittenTemplate,
  conversation: WrittenConversation,
  pieces: readonly string[],
  isCut?: boolean,
) => ReadAnswer;

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

function toolsOf({ tools, choice = 'auto', parallel }: WrittenConversation): ToolSettings | undefined {
  if (tools === undefined) return undefined;
  const whole = tools.map((tool) => ({ description: '', parameters: undefined, ...tool }));
  return { tools: whole, choice, parallel };
}

function nativeOf(written: WrittenConversation): ReturnType<typeof toNative> {
  const { messages, addGenerationPrompt = true, continueFinalMessage = false, variables = {}, reasoning } = written;
  const tools = toolsOf(written);
  const asked = {
    messages: messages.map(messageOf),
    template: { variables, addGenerationPrompt, continueFinalMessage },
    tools,
    ...(reasoning === undefined ? {} : { reasoning }),
  };
  return toNative(
    asked,
    formatsOfTools(tools).map((format) => compileFormat(format)),
  );
}

/** Renders, and reads answers, without a model: `<bos>` and `<eos>` are its tokens. */
export async function templateReader(): Promise<{ render: Render; read: Read }> {
  const addon = loadNativeAddon(await getLlama({ gpu: false }));
  const loaded = new WeakMap<object, NativeTemplate>();
  const load = (reference: WrittenTemplate): NativeTemplate => {
    const { source, slot, written = slot } = reference;
    const placement = { slot, before: '', after: '', written, spoken: [] };
    const template = loaded.get(reference) ?? addon.loadTemplate(source, tokens, placement);
    loaded.set(reference, template);
    return template;
  };
  return {
    render: (reference, written) => {
      const { prompt: conversation, images } = nativeOf(written);
      return addon
        .renderTemplate(load(reference), conversation, images.length)
        .map((run) => (run.image < 0 ? run : { ...run, text: reference.slot }));
    },
    read: (reference, written, pieces, isCut = false) => {
      const { prompt: conversation, images } = nativeOf(written);
      return addon.readAnswer(load(reference), conversation, images.length, pieces, isCut);
    },
  };
}

/** Renders as `templateReader`; an image's run has the template's slot for a text. */
export async function templateRenderer(): Promise<Render> {
  return (await templateReader()).render;
}

export function textOf(runs: readonly RenderedRun[]): string {
  return runs.map(({ text }) => text).join('');
}
