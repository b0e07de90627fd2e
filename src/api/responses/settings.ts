import { z } from 'zod';
import type { NamesOf } from '../request/field-table.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReaderKind } from '../request/kinds.ts';
import { BOOLEAN, mapped, oneOf, TEXT } from '../request/kinds.ts';
import { FORMAT_NAMES } from '../request/answer-format.ts';
import { REQUEST_KINDS, REQUEST_NAMES } from '../request/request-kinds.ts';
import { RESPONSE_TOOL_CHOICE } from './tool-choice.ts';
import { RESPONSE_TOOLS } from './tools.ts';

/** What OpenAI lets a response include, and what became of its images. What belongs to tools that nothing runs here is never there. */
const INCLUDABLE = [
  'code_interpreter_call.outputs',
  'computer_call_output.output.image_url',
  'file_search_call.results',
  'image_details',
  'message.input_image.image_url',
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  'web_search_call.action.sources',
  'web_search_call.results',
] as const;

const INCLUDE: ReaderKind<readonly string[]> = {
  shape: z.array(z.enum(INCLUDABLE)),
  read(value, path) {
    if (!Array.isArray(value)) throw invalid(path, `${path} must be an array of strings, not ${show(value)}.`);
    return value.map((item: unknown, index) => {
      const known = INCLUDABLE.find((includable) => includable === item);
      if (known !== undefined) return known;
      const place = `${path}[${String(index)}]`;
      throw invalid(place, `${place} must be one of ${INCLUDABLE.join(', ')}, not ${show(item)}.`);
    });
  },
};

/** The only summary that can be given is the reasoning itself. */
const SUMMARY = oneOf('auto', 'detailed');
const TRUNCATES = mapped(oneOf('auto', 'disabled'), (truncation) => truncation === 'auto');
const NAME_OF_RESPONSE = mapped(TEXT, (id) => (id === '' ? undefined : id));

const ANSWER_KINDS = {
  model: TEXT,
  stream: BOOLEAN,
  background: BOOLEAN,
  store: BOOLEAN,
  instructions: TEXT,
  previousId: NAME_OF_RESPONSE,
  include: INCLUDE,
  summary: SUMMARY,
  truncates: TRUNCATES,
  offered: RESPONSE_TOOLS,
  timingsPerToken: BOOLEAN,
};

export const RESPONSE_KINDS = { ...REQUEST_KINDS, ...ANSWER_KINDS };

/** OpenAI's fields; those of the sampling and the template also as the other engines name them. */
export const RESPONSE_NAMES: NamesOf<typeof RESPONSE_KINDS> = {
  ...REQUEST_NAMES,
  choices: [],
  maxTokens: ['max_output_tokens', 'max_tokens', 'n_predict'],
  format: ['text.format', ...FORMAT_NAMES],
  tools: [],
  functions: [],
  functionChoice: [],
  toolChoice: [{ name: 'tool_choice', kind: RESPONSE_TOOL_CHOICE }],
  hasLogProbs: [],
  model: ['model'],
  stream: ['stream'],
  background: ['background'],
  store: ['store'],
  instructions: ['instructions'],
  previousId: ['previous_response_id'],
  include: ['include'],
  summary: ['reasoning.summary', 'reasoning.generate_summary'],
  truncates: ['truncation'],
  offered: ['tools'],
  timingsPerToken: ['timings_per_token'],
};
