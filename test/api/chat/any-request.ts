import * as fc from 'fast-check';
import { CHAT_FIELDS } from '../../../src/api/chat/fields.ts';
import { LongText } from '../../../src/api/index.ts';

/** The fields that are known. */
export const names = [...CHAT_FIELDS.keys()];
export const field = fc.oneof(fc.constantFrom(...names), fc.string());
/** Fields with fields of their own. */
export const groups = [
  'stream_options',
  'reasoning',
  'thinking',
  'options',
  'chat_template_kwargs',
  'mm_processor_kwargs',
  'structured_outputs',
  'repetition_detection',
  'vllm_xargs',
  'response_format',
  'tool_choice',
];

/** JSON as the server reads it: a long string stands for itself. */
export const json = fc.oneof(fc.jsonValue(), fc.constant(new LongText([Buffer.from('data:,x')])));
const keys = (...known: readonly string[]) =>
  fc.record(Object.fromEntries(known.map((key) => [key, json])), { requiredKeys: [] });

const role = fc.oneof(fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function'), json);
const type = fc.oneof(
  fc.constantFrom('text', 'input_text', 'output_text', 'refusal', 'image_url', 'input_image', 'image'),
  json,
);
const url = fc.oneof(keys('url', 'detail', 'uuid'), keys('type', 'data', 'url'), json);
const part = fc.record(
  { type, text: json, refusal: json, image_url: url, image: url, source: url, detail: json, base64: json, data: json },
  { requiredKeys: [] },
);
const content = fc.oneof(fc.array(fc.oneof(part, json)), json);
const called = fc.oneof(keys('name', 'arguments'), fc.record({ name: fc.constant('f'), arguments: json }), json);
const call = fc.oneof(fc.record({ id: json, type: json, function: called }, { requiredKeys: [] }), json);
const message = fc.record(
  {
    role,
    content,
    tool_calls: fc.oneof(fc.array(call), json),
    tool_call_id: json,
    function_call: called,
    name: json,
    images: fc.oneof(fc.array(json), json),
    reasoning: json,
    refusal: json,
  },
  { requiredKeys: [] },
);
export const messages = fc.array(fc.oneof(message, json));

const jsonType = fc.oneof(fc.constantFrom('object', 'array', 'string', 'hiccup'), json);
const schema = fc.oneof(fc.record({ type: jsonType, properties: json, $ref: json }, { requiredKeys: [] }), json);
const name = fc.oneof(fc.constantFrom('f', 'g.h', 'a b'), json);
const toolFunction = fc.oneof(
  fc.record({ name, description: json, parameters: schema, strict: json }, { requiredKeys: [] }),
  json,
);
const tool = fc.oneof(
  fc.record({ type: fc.oneof(fc.constant('function'), json), function: toolFunction }, { requiredKeys: ['function'] }),
  json,
);
const toolChoice = fc.oneof(
  fc.constantFrom('none', 'auto', 'required'),
  fc.record(
    {
      type: fc.oneof(fc.constantFrom('function', 'allowed_tools'), json),
      function: fc.oneof(fc.record({ name }), json),
      allowed_tools: fc.oneof(fc.record({ mode: json, tools: fc.array(tool) }, { requiredKeys: [] }), json),
      tools: fc.oneof(fc.array(tool), json),
    },
    { requiredKeys: [] },
  ),
  json,
);
const format = fc.oneof(
  fc.record(
    {
      type: fc.oneof(fc.constantFrom('text', 'json_object', 'json_schema', 'json', 'regex', 'grammar'), json),
      json_schema: fc.oneof(fc.record({ name: json, strict: json, schema }, { requiredKeys: [] }), json),
      schema,
      value: schema,
      pattern: json,
      grammar: json,
    },
    { requiredKeys: [] },
  ),
  json,
);
const number = fc.oneof(fc.integer({ min: -2, max: 25 }), fc.double(), json);
const bias = fc.oneof(
  fc.dictionary(fc.oneof(fc.nat().map(String), fc.string()), number),
  fc.array(fc.tuple(number, number)),
  json,
);
/** Fields with values that are nearly right, so that they get far. */
export const asked = fc.record(
  {
    tools: fc.oneof(fc.array(tool), json),
    functions: fc.oneof(fc.array(toolFunction), json),
    tool_choice: toolChoice,
    function_call: fc.oneof(fc.record({ name }), fc.constantFrom('none', 'auto'), json),
    parallel_tool_calls: fc.oneof(fc.boolean(), json),
    response_format: format,
    structured_outputs: fc.record({ json: schema, regex: json, choice: json, grammar: json }, { requiredKeys: [] }),
    guided_json: schema,
    format: fc.oneof(fc.constant('json'), schema),
    logprobs: fc.oneof(fc.boolean(), json),
    top_logprobs: number,
    n: number,
    logit_bias: bias,
    min_tokens: number,
    max_tokens: number,
    stop_token_ids: fc.oneof(fc.array(number), json),
    repetition_detection: fc.record(
      { max_pattern_size: number, min_pattern_size: number, min_count: number },
      { requiredKeys: [] },
    ),
    reasoning: fc.record({ max_tokens: number, exclude: json, effort: json, enabled: json }, { requiredKeys: [] }),
    reasoning_format: fc.oneof(fc.constantFrom('none', 'auto', 'hidden'), json),
    dry_sequence_breakers: fc.oneof(fc.array(fc.string()), json),
    samplers: fc.oneof(fc.string(), fc.array(fc.constantFrom('dry', 'top_k', 'xtc', 'no')), json),
  },
  { requiredKeys: [] },
);
