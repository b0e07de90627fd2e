import { z } from 'zod';
import { isJsonObject } from '../request/json-object.ts';
import type { ReaderKind } from '../request/kinds.ts';
import type { ChoiceRead } from '../request/tool-choice.ts';
import { TOOL_CHOICE } from '../request/tool-choice.ts';

/** OpenAI's `tool_choice`, which may also name custom tools: the model knows those as functions. */
export const RESPONSE_TOOL_CHOICE: ReaderKind<ChoiceRead> = {
  shape: z.union([
    TOOL_CHOICE.shape,
    z.object({ type: z.enum(['function', 'custom']), name: z.string().min(1) }),
    z.object({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']).nullish(),
      tools: z.array(z.object({ type: z.enum(['function', 'custom']), name: z.string().min(1) })).min(1),
    }),
  ]),
  read(value, path, options) {
    if (!isJsonObject(value) || !Array.isArray(value['tools'])) {
      return TOOL_CHOICE.read(asFunction(value), path, options);
    }
    return TOOL_CHOICE.read({ ...value, tools: value['tools'].map(asFunction) }, path, options);
  },
};

function asFunction(choice: unknown): unknown {
  return isJsonObject(choice) && choice['type'] === 'custom' ? { ...choice, type: 'function' } : choice;
}
