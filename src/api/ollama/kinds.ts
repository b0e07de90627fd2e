import { z } from 'zod';
import type { FieldName, NamesOf } from '../request/field-table.ts';
import { unsupported } from '../request/json-object.ts';
import { INCLUDE } from '../request/include.ts';
import type { PlainKind, ReaderKind } from '../request/kinds.ts';
import { BOOLEAN, integerFrom, mapped, TEXT } from '../request/kinds.ts';
import { OLLAMA_FORMAT } from '../request/answer-format.ts';
import { REQUEST_KINDS, REQUEST_NAMES } from '../request/request-kinds.ts';
import { isEmpty } from '../request/values.ts';

/** A duration as Go writes it (`1h30m`, `-1s`), or a number of seconds. */
const DURATION = /^[-+]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$|^[-+]?\d+$/;

/** How long the model is to stay in memory: zero is true. It stays, so that nothing else matters. */
const KEEP_ALIVE: PlainKind<boolean> = {
  expected: 'a number of seconds or a duration such as "5m"',
  schema: z
    .union([z.number(), z.string().regex(DURATION), z.literal('')])
    .transform((value) => (typeof value === 'number' ? value === 0 : /^[-+]?[0.a-zµ]+$/.test(value))),
};

const THINK_SCHEMA = z.union([z.boolean(), z.enum(['low', 'medium', 'high', 'max'])]);
const THINK_EXPECTED = 'true, false, "low", "medium", "high" or "max"';
/** A switch … */
const THINK: PlainKind<boolean | undefined> = {
  expected: THINK_EXPECTED,
  schema: THINK_SCHEMA.transform((think) => (typeof think === 'boolean' ? think : undefined)),
};
/** … or how much to think. */
const THINK_EFFORT: PlainKind<string | undefined> = {
  expected: THINK_EXPECTED,
  schema: THINK_SCHEMA.transform((think) => (typeof think === 'string' ? think : undefined)),
};

/** A known field that this server cannot do, unless it is empty. */
function refused(advice: string): ReaderKind<undefined> {
  return {
    shape: z.union([z.literal(''), z.array(z.never()).max(0), z.strictObject({})]),
    read(value, path) {
      if (!isEmpty(value)) throw unsupported(path, value, advice);
    },
  };
}

/** -1 is no limit; so is -2, once "until the context is full". */
const NUM_PREDICT: PlainKind<number | undefined> = {
  expected: 'an integer of at least 1, or -1 for no limit',
  schema: z
    .union([z.number().min(1).refine(Number.isInteger).meta({ type: 'integer' }), z.literal([-1, -2])])
    .transform((value) => (value < 0 ? undefined : value)),
};

/** What both routes take. */
export const COMMON_KINDS = {
  ...REQUEST_KINDS,
  model: TEXT,
  stream: BOOLEAN,
  include: INCLUDE,
  unloads: KEEP_ALIVE,
  contextSize: mapped(integerFrom(-1), (tokens) => (tokens > 0 ? tokens : undefined)),
};

export const GENERATE_KINDS = {
  ...COMMON_KINDS,
  prompt: TEXT,
  system: TEXT,
  raw: BOOLEAN,
  suffix: refused('The model writes on from the prompt only.'),
  templateText: refused("The model's own template is used. Send a prompt that is complete with raw: true."),
  context: refused('Send the turns of the conversation to /api/chat.'),
};

/** What stands in `options`, as other formats have it there too. */
const OPTIONS = Object.fromEntries(
  Object.entries<readonly FieldName<unknown>[]>(REQUEST_NAMES).map(([setting, names]) => [
    setting,
    names.filter(isOption),
  ]),
) as unknown as NamesOf<typeof REQUEST_KINDS>;

export const COMMON_NAMES = {
  ...OPTIONS,
  thinking: [{ name: 'think', kind: THINK }],
  reasoningEffort: [{ name: 'think', kind: THINK_EFFORT }],
  maxTokens: [{ name: 'options.num_predict', kind: NUM_PREDICT }],
  format: [{ name: 'format', kind: OLLAMA_FORMAT }],
  imageProcessor: ['mm_processor_kwargs'],
  hasLogProbs: ['logprobs'],
  topLogProbs: ['top_logprobs'],
  model: ['model'],
  stream: ['stream'],
  include: ['include'],
  unloads: ['keep_alive'],
  contextSize: ['options.num_ctx'],
} satisfies NamesOf<typeof COMMON_KINDS>;

export const CHAT_NAMES: NamesOf<typeof COMMON_KINDS> = { ...COMMON_NAMES, tools: ['tools'] };

export const GENERATE_NAMES: NamesOf<typeof GENERATE_KINDS> = {
  ...COMMON_NAMES,
  prompt: ['prompt'],
  system: ['system'],
  raw: ['raw'],
  suffix: ['suffix'],
  templateText: ['template'],
  context: ['context'],
};

function isOption(rule: FieldName<unknown>): boolean {
  return (typeof rule === 'string' ? rule : rule.name).startsWith('options.');
}
