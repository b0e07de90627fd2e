import type { TokenLogProbJson } from '../answer/log-probs.ts';
import { logProbsJson } from '../answer/log-probs.ts';
import { customInput } from './custom-tool.ts';
import type { OutputItem } from './output.ts';
import type { ResponseSettings } from './response-request.ts';
import { sealed } from './sealed-reasoning.ts';

type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export interface OutputTextJson {
  readonly type: 'output_text';
  readonly text: string;
  readonly annotations: readonly [];
  readonly logprobs: readonly TokenLogProbJson[];
}

interface MessageJson {
  readonly id: string;
  readonly type: 'message';
  readonly status: ItemStatus;
  readonly role: 'assistant';
  readonly content: readonly OutputTextJson[];
}

interface ReasoningJson {
  readonly id: string;
  readonly type: 'reasoning';
  readonly status: ItemStatus;
  readonly summary: readonly { readonly type: 'summary_text'; readonly text: string }[];
  readonly content: readonly { readonly type: 'reasoning_text'; readonly text: string }[];
  readonly encrypted_content?: string;
}

interface CallJson {
  readonly id: string;
  readonly type: 'function_call' | 'custom_tool_call';
  readonly status: ItemStatus;
  readonly call_id: string;
  readonly name: string;
  readonly namespace?: string;
  /** Of a function. */
  readonly arguments?: string;
  /** Of a custom tool. */
  readonly input?: string;
}

/** OpenAI's item of an output. */
export type OutputItemJson = MessageJson | ReasoningJson | CallJson;

/** An item that has just been opened: it has no content yet. */
export function openedItemJson(item: OutputItem, settings: ResponseSettings): OutputItemJson {
  const json = outputItemJson({ ...item, text: '', logProbs: [] }, settings, 'in_progress');
  switch (json.type) {
    case 'message':
      return { ...json, content: [] };
    case 'reasoning':
      return { ...json, summary: [], content: [], ...(settings.sealsReasoning ? { encrypted_content: '' } : {}) };
    case 'function_call':
    case 'custom_tool_call':
      break;
  }
  return json;
}

export function outputItemJson(
  item: OutputItem,
  settings: ResponseSettings,
  status: ItemStatus = item.isComplete ? 'completed' : 'incomplete',
): OutputItemJson {
  const { id, kind, text } = item;
  switch (kind) {
    case 'message':
      return { id, type: kind, status, role: 'assistant', content: [outputTextJson(item, settings)] };
    case 'reasoning':
      return {
        id,
        type: kind,
        status,
        summary: settings.summarizesReasoning ? [{ type: 'summary_text', text }] : [],
        content: settings.summarizesReasoning ? [] : [{ type: 'reasoning_text', text }],
        ...(settings.sealsReasoning ? { encrypted_content: sealed(text) } : {}),
      };
    case 'function_call':
      return { id, type: kind, status, ...callJson(item), arguments: text };
    case 'custom_tool_call':
      break;
  }
  return { id, type: 'custom_tool_call', status, ...callJson(item), input: customInput(text) };
}

export function outputTextJson({ text, logProbs }: OutputItem, { hasLogProbs }: ResponseSettings): OutputTextJson {
  return {
    type: 'output_text',
    text,
    annotations: [],
    logprobs: hasLogProbs ? logProbsJson(logProbs).content : [],
  };
}

function callJson({ call }: OutputItem): Pick<CallJson, 'call_id' | 'name' | 'namespace'> {
  const { callId = '', name = '', namespace } = call ?? {};
  return { call_id: callId, name, ...(namespace === undefined ? {} : { namespace }) };
}
