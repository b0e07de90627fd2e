import type { Capabilities, ModelInfo } from '../../backend/index.ts';

/** Whether there is something. */
interface Support {
  readonly supported: boolean;
}

/** Some consist of parts, which are in them. */
type CapabilitiesJson = Readonly<Record<string, Support>>;

/** Anthropic's model object. */
export interface MessagesModelJson {
  readonly type: 'model';
  readonly id: string;
  readonly display_name: string;
  /** RFC 3339. */
  readonly created_at: string;
  readonly lifecycle: 'active';
  readonly deprecated_at: null;
  readonly retires_at: null;
  /** Which of Anthropic's lines it is of. */
  readonly line: null;
  readonly max_input_tokens: number;
  readonly max_tokens: number;
  readonly capabilities: CapabilitiesJson;
}

/** A page of Anthropic's list of models. */
export interface MessagesModelListJson {
  readonly data: readonly MessagesModelJson[];
  readonly has_more: false;
  readonly first_id: string;
  readonly last_id: string;
}

/** `created` is in seconds since 1970. */
export function messagesModelJson(
  id: string,
  { contextLength, capabilities }: Pick<ModelInfo, 'contextLength' | 'capabilities'>,
  created: number,
): MessagesModelJson {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    lifecycle: 'active',
    deprecated_at: null,
    retires_at: null,
    line: null,
    max_input_tokens: contextLength,
    max_tokens: contextLength,
    capabilities: capabilitiesJson(capabilities),
  };
}

function capabilitiesJson({ vision, structuredOutput, reasoning }: Capabilities): CapabilitiesJson {
  const thinking = support(reasoning);
  const never = support(false);
  const efforts = { low: thinking, medium: thinking, high: thinking, xhigh: thinking, max: thinking };
  const types = { adaptive: thinking, between_tools: support(true), disabled: support(true), enabled: thinking };
  const edits = { clear_thinking_20251015: thinking, clear_tool_uses_20250919: never, compact_20260112: never };
  return {
    batch: never,
    citations: never,
    code_execution: never,
    context_management: withParts(thinking, edits),
    effort: withParts(thinking, efforts),
    image_input: support(vision),
    pdf_input: support(vision),
    server_tools: withParts(never, { code_execution: never, web_search: never }),
    structured_outputs: support(structuredOutput),
    thinking: withParts(thinking, { types }),
  };
}

function withParts(whole: Support, parts: object): Support {
  return { ...whole, ...parts };
}

function support(supported = false): Support {
  return { supported };
}

/** The list of the models that are served: at least one. */
export function messagesModelList(models: readonly MessagesModelJson[]): MessagesModelListJson {
  return { data: models, has_more: false, first_id: models[0]?.id ?? '', last_id: models.at(-1)?.id ?? '' };
}
