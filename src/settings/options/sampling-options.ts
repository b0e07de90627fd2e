import { option } from '../option.ts';
import { decimal, optional, wholeNumber } from '../value-kinds.ts';

/** What requests get that set none. */
export const samplingOptions = {
  temperature: option({
    group: 'Request',
    flags: ['temperature'],
    argument: 't',
    help: 'Temperature of requests that set none; 0 always takes the likeliest token',
    kind: optional(decimal(0, 2)),
    default: undefined,
    defaultText: "the model's",
  }),
  topK: option({
    group: 'Request',
    flags: ['top-k'],
    argument: 'k',
    help: 'Draw from this many of the likeliest tokens, in requests that set nothing else; -1 from all',
    kind: optional(wholeNumber(-1)),
    default: undefined,
    defaultText: "the model's",
  }),
} as const;
