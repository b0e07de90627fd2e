/** Two calls as the models of each family write them, by their templates. */

const twoDays = { city: 'Köln "am Rhein"', days: 2 };
const json = JSON.stringify(twoDays);

const properties = {
  city: { type: 'string' },
  days: { type: 'integer' },
  units: { type: 'array', items: { enum: ['C', 'F'] } },
};
export const weather = {
  name: 'weather',
  description: 'The weather.',
  parameters: { type: 'object', properties, required: ['city', 'days'] },
};
export const now = {
  name: 'now',
  description: 'What time it is.',
  parameters: { type: 'object', properties: {} },
};
/** What the calls of `weather` say. */
export const weatherArguments = twoDays;

const hermes = `<tool_call>\n{"name": "weather", "arguments": ${json}}\n</tool_call>`;
const hermesNow = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>';
const hermesBoth = `${hermes}\n${hermesNow}`;
const mistralList = `[TOOL_CALLS][{"name": "weather", "arguments": ${json}, "id": "abcdefgh1"}, {"name": "now", "arguments": {}, "id": "abcdefgh2"}]`;
const qwenXml = [
  '<tool_call>\n<function=weather>\n<parameter=city>\nKöln "am Rhein"\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>',
  '<tool_call>\n<function=now>\n</function>\n</tool_call>',
].join('\n');
const glm =
  '<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Köln "am Rhein"</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>';
const kimi = `<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>${json}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>`;
const gemma = `<|tool_call>call:weather{city:<|"|>Köln "am Rhein"<|"|>,days:2}<tool_call|><|tool_call>call:now{}<tool_call|>`;
const lfm = `<|tool_call_start|>[weather(city="Köln \\"am Rhein\\"", days=2), now()]<|tool_call_end|>`;
const mistralTags = `[TOOL_CALLS]weather[CALL_ID]abcdefgh1[ARGS]${json}[TOOL_CALLS]now[CALL_ID]abcdefgh2[ARGS]{}`;
const granite = `<|tool_call|>[{"name": "weather", "arguments": ${json}}, {"name": "now", "arguments": {}}]`;
const harmony = `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>${json}`;
const kimi3Argument = (key: string, type: string, value: string): string =>
  `<|open|>argument key="${key}" type="${type}"<|sep|>${value}<|close|>argument<|sep|>`;
const kimi3 = `<|open|>tools<|sep|><|open|>call tool="weather" index="1"<|sep|>${kimi3Argument('city', 'string', twoDays.city)}${kimi3Argument('days', 'number', '2')}<|close|>call<|sep|><|close|>tools<|sep|>`;
const miniCpm =
  '<function name="weather"><param name="city">Köln "am Rhein"</param><param name="days">2</param></function><function name="now"></function>';

export interface FamilyCalls {
  readonly template: string;
  /** A call of `weather`, and one of `now` behind it if it is named. */
  readonly answer: string;
  readonly thought: string;
  /** Another family has the same form. */
  readonly isAlike?: true;
}

export const familyCalls: readonly FamilyCalls[] = [
  { template: 'Qwen-Qwen2.5-7B-Instruct', answer: hermesBoth, thought: '' },
  { template: 'Qwen-Qwen3-0.6B', answer: `<think>\nHm.\n</think>\n\n${hermesBoth}`, thought: 'Hm.' },
  { template: 'Qwen3.5-4B', answer: `Hm.\n</think>\n\n${qwenXml}`, thought: 'Hm.' },
  { template: 'google-gemma-4-31B-it', answer: gemma, thought: '' },
  { template: 'google-gemma-4-31B-it', answer: `<|channel>thought\nHm.<channel|>${gemma}`, thought: 'Hm.' },
  { template: 'GLM-4.6', answer: `<think>Hm.</think>\n${glm}`, thought: 'Hm.' },
  { template: 'Mistral-Small-3.2-24B-Instruct-2506', answer: mistralTags, thought: '' },
  { template: 'mistralai-Mistral-Nemo-Instruct-2407', answer: mistralList, thought: '' },
  {
    template: 'mistralai-Ministral-3-14B-Reasoning-2512',
    answer: `[THINK]Hm.[/THINK][TOOL_CALLS]weather[ARGS]${json}`,
    thought: 'Hm.',
  },
  { template: 'LFM2-8B-A1B', answer: lfm, thought: '', isAlike: true },
  { template: 'LFM2.5-8B-A1B', answer: lfm, thought: '' },
  {
    template: 'meta-llama-Llama-3.1-8B-Instruct',
    answer: `{"name": "weather", "parameters": ${json}}`,
    thought: '',
  },
  { template: 'ibm-granite-granite-4.0', answer: hermesBoth, thought: '', isAlike: true },
  { template: 'ibm-granite-granite-3.3-2B-Instruct', answer: granite, thought: '' },
  { template: 'Kimi-K2-Instruct', answer: kimi, thought: '' },
  { template: 'Kimi-K3', answer: `Hm.<|close|>think<|sep|>${kimi3}`, thought: 'Hm.' },
  { template: 'inclusionai-ling-3.0-flash', answer: `Hm.</think>${glm}`, thought: 'Hm.' },
  { template: 'openbmb-MiniCPM5-1B', answer: `<think>\nHm.\n</think>\n\n${miniCpm}`, thought: 'Hm.' },
  { template: 'openbmb-MiniCPM5-1B', answer: miniCpm, thought: '' },
  { template: 'MiMo-VL', answer: hermesBoth, thought: '', isAlike: true },
  { template: 'Reka-Edge', answer: `Hm.\n</think>\n\n${hermes}`, thought: 'Hm.' },
  { template: 'openai-gpt-oss-120b', answer: harmony, thought: 'Hm.' },
  { template: 'meetkai-functionary-medium-v3.2', answer: `weather\n${json}`, thought: '' },
  { template: 'google-gemma-2-2b-it', answer: hermesBoth, thought: '', isAlike: true },
  { template: 'gemma3n', answer: hermesBoth, thought: '' },
  { template: 'kimi-vl', answer: hermesBoth, thought: '', isAlike: true },
  { template: 'llama4', answer: hermesBoth, thought: '', isAlike: true },
  { template: 'qwen2', answer: hermesBoth, thought: '', isAlike: true },
  { template: 'smolvlm', answer: hermes, thought: '', isAlike: true },
  { template: 'meetkai-functionary-medium-v3.1', answer: hermes, thought: '', isAlike: true },
  {
    template: 'deepseek-ai-DeepSeek-R1-Distill-Llama-8B',
    answer: `Hm.</think>\n\n${hermes}`,
    thought: 'Hm.',
  },
];

/** Tokens of the families' vocabularies that stand in answers and round them, which detokenizers leave out. */
export const specialTokens: readonly string[] = [
  '<|im_start|>',
  '<|im_end|>',
  '<|end_of_text|>',
  '<|start_of_role|>',
  '<|end_of_role|>',
  '<|tool_call|>',
  '<|turn>',
  '<turn|>',
  '<|tool_call>',
  '<tool_call|>',
  '<|tool_response>',
  '<tool_response|>',
  '<|"|>',
  '<|tool>',
  '<tool|>',
  '<|channel>',
  '<channel|>',
  '<|think|>',
  '<bos>',
  '<start_of_turn>',
  '<end_of_turn>',
  '[gMASK]',
  '<sop>',
  '<|system|>',
  '<|user|>',
  '<|assistant|>',
  '<|observation|>',
  '<s>',
  '[INST]',
  '[/INST]',
  '[TOOL_CALLS]',
  '[CALL_ID]',
  '[ARGS]',
  '[AVAILABLE_TOOLS]',
  '[/AVAILABLE_TOOLS]',
  '[TOOL_RESULTS]',
  '[/TOOL_RESULTS]',
  '[SYSTEM_PROMPT]',
  '[/SYSTEM_PROMPT]',
  '[THINK]',
  '[/THINK]',
  '<|tool_call_start|>',
  '<|tool_call_end|>',
  '<|tool_list_start|>',
  '<|tool_list_end|>',
  '<|startoftext|>',
  '<|begin_of_text|>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|python_tag|>',
  '<|header_start|>',
  '<|header_end|>',
  '<|eot|>',
  '<|im_user|>',
  '<|im_assistant|>',
  '<|im_system|>',
  '<|im_middle|>',
  '<|tool_calls_section_begin|>',
  '<|tool_calls_section_end|>',
  '<|tool_call_begin|>',
  '<|tool_call_argument_begin|>',
  '<|start|>',
  '<|channel|>',
  '<|message|>',
  '<|constrain|>',
  '<|call|>',
  '<|return|>',
  '<|end|>',
  '<|open|>',
  '<|close|>',
  '<|sep|>',
  '<|end_of_msg|>',
];

/** Those that detokenizers show. */
export const shownTokens: readonly string[] = [
  '<tool_call>',
  '</tool_call>',
  '<tool_response>',
  '</tool_response>',
  '<think>',
  '</think>',
  '<arg_key>',
  '</arg_key>',
  '<arg_value>',
  '</arg_value>',
];
