import { quantizedTypes } from '../../backend/index.ts';
import { option } from '../option.ts';
import { longByShort, longPrecisions } from '../precisions.ts';
import { choice, optional, orWord, text } from '../value-kinds.ts';

/** A type of weights in the name of a GGUF file, with or without a publisher's prefix. */
const GGUF_TYPE = /^\s*(?:[a-z]+\d*-)?(?:i?q|p?tq|mxfp|nvfp)\d[a-z0-9_]*\s*$/i;

/** What a checkpoint is converted to, and by what. */
export const conversionOptions = {
  quantizationEncoding: option({
    group: 'Conversion',
    flags: ['quantization-encoding', 'outtype'],
    argument: 'type',
    help: 'Precision of the weights: what a checkpoint is converted to, or which GGUF file to take',
    kind: orWord(
      choice(['auto', ...longPrecisions, ...quantizedTypes], {
        synonyms: { ...longByShort, q4_k: 'q4_k_m', q5_k: 'q5_k_m' },
        notes: { auto: 'the best that fits in memory' },
      }),
      GGUF_TYPE,
      'a type that GGUF files are named by, such as iq4_xs or ud-q4_k_xl',
    ),
    default: 'auto',
  }),
  mmprojQuantizationEncoding: option({
    group: 'Conversion',
    flags: ['mmproj-quantization-encoding'],
    argument: 'type',
    help: 'Precision of the converted vision projector',
    kind: choice(['auto', ...longPrecisions, 'q8_0'], {
      synonyms: longByShort,
      notes: { auto: 'half precision for quantized weights, otherwise that of the weights' },
    }),
    default: 'auto',
  }),
  converter: option({
    group: 'Conversion',
    flags: ['converter'],
    argument: 'name',
    help: 'What converts a checkpoint',
    kind: choice(['built-in', 'llama.cpp'], {
      notes: {
        'llama.cpp': 'for architectures that the built-in one lacks; needs Python with PyTorch and transformers',
      },
    }),
    default: 'built-in',
  }),
  python: option({
    group: 'Conversion',
    flags: ['python'],
    argument: 'command',
    environment: 'VSERVE_PYTHON',
    help: "Python that runs llama.cpp's converter",
    kind: optional(text('a command or the path of one')),
    default: undefined,
    defaultText: 'python3 or python',
  }),
} as const;
