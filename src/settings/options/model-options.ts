import { option } from '../option.ts';
import { optional, text } from '../value-kinds.ts';

/** Which model, and what it is called. */
export const modelOptions = {
  model: option({
    group: 'Model',
    flags: ['model', 'model-path'],
    argument: 'path-or-id',
    help: 'The model: a .gguf file, a folder, or a Hugging Face id (org/name)',
    kind: optional(text('a path or a Hugging Face id')),
    default: undefined,
  }),
  mmproj: option({
    group: 'Model',
    flags: ['mmproj'],
    argument: 'path',
    help: 'Vision projector of a .gguf model',
    kind: optional(text('the path of a .gguf file')),
    default: undefined,
    defaultText: 'the mmproj*.gguf beside the model',
  }),
  servedModelName: option({
    group: 'Model',
    flags: ['served-model-name'],
    argument: 'name',
    help: 'Model name that requests use',
    kind: optional(text('a name')),
    default: undefined,
    defaultText: 'as --model',
  }),
  chatTemplate: option({
    group: 'Model',
    flags: ['chat-template', 'chat-template-file'],
    argument: 'path-or-text',
    help: "Jinja chat template in place of the model's: its text, or the path of a file",
    kind: optional(text('a Jinja template, or the path of one')),
    default: undefined,
    defaultText: "the model's",
  }),
} as const;
