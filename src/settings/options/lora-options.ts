import { option } from '../option.ts';
import { list, optional, toggle, wholeNumber } from '../value-kinds.ts';

/** LoRA adapters beside the model. */
export const loraOptions = {
  loraPaths: option({
    group: 'Model',
    flags: ['lora-paths', 'lora-path', 'lora-modules'],
    argument: 'name=path',
    help: 'LoRA adapter that requests choose by its name as their model: a .gguf file, the folder of a PEFT adapter, or its Hugging Face id; may be repeated',
    kind: list('adapters, each as name=path'),
    default: [],
    defaultText: 'none',
  }),
  enableLora: option({
    group: 'Model',
    flags: ['enable-lora'],
    help: 'Let clients load and unload LoRA adapters (/v1/load_lora_adapter, /v1/unload_lora_adapter)',
    kind: optional(toggle()),
    default: undefined,
    defaultText: 'only those of --lora-paths',
  }),
  maxNumLoras: option({
    group: 'Model',
    flags: ['max-num-loras', 'max-loras'],
    argument: 'count',
    help: 'Most LoRA adapters in memory at a time',
    kind: optional(wholeNumber(1, 1024)),
    default: undefined,
    defaultText: '8, or as many as --lora-paths names',
  }),
  maxLoraRank: option({
    group: 'Model',
    flags: ['max-lora-rank'],
    argument: 'rank',
    help: 'Largest rank of a LoRA adapter',
    kind: optional(wholeNumber(1, 65_536)),
    default: undefined,
    defaultText: 'any',
  }),
} as const;
