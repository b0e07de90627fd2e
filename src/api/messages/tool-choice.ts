import { z } from 'zod';
import { invalid, show } from '../request/invalid-request.ts';
import { isJsonObject, unsupported } from '../request/json-object.ts';
import type { ReaderKind } from '../request/kinds.ts';
import type { ChoiceRead } from '../request/tool-choice.ts';

/** Anthropic's `tool_choice`: an object whose type is `auto`, `any`, `tool` or `none`. The table of fields has its keys. */
export const TOOL_CHOICE: ReaderKind<ChoiceRead> = {
  shape: z.union([
    z.object({ type: z.enum(['auto', 'any', 'none']) }),
    z.object({ type: z.literal('tool'), name: z.string().min(1) }),
  ]),
  read(value, path) {
    if (!isJsonObject(value)) throw invalid(path, `${path} must be an object with a type, not ${show(value)}.`);
    const { type, name } = value;
    switch (type) {
      case 'auto':
      case 'none':
        return { type };
      case 'any':
        return { type: 'required' };
      case 'tool':
        if (typeof name === 'string' && name !== '') return { type: 'named', name, path: `${path}.name` };
        throw invalid(`${path}.name`, `${path}.name must be the name of a tool, not ${show(name)}.`);
      default:
        throw unsupported(`${path}.type`, type, 'It must be auto, any, tool or none.');
    }
  },
};
