/**
 * A role's turns, its images and texts in their order; `string` for content that is no list of parts. `call` writes a tool
 * call `f`, for families that know tools.
 */
function turns(open: string, close: string, image: string, answer: string, call?: string): string {
  const calls =
    call === undefined ? '' : `{% for t in m['tool_calls'] or [] %}{% set f = t['function'] %}${call}{% endfor %}`;
  return [
    `{% for m in messages %}${open}`,
    "{% if m['content'] is string %}{{ m['content'] }}",
    "{% else %}{% for c in m['content'] %}",
    `{% if c['type'] == 'image' %}${image}{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}`,
    `{% endfor %}{% endif %}${calls}${close}{% endfor %}`,
    `{% if add_generation_prompt %}${answer}{% endif %}`,
  ].join('');
}

const chatMl = (image: string): string =>
  turns("<|im_start|>{{ m['role'] }}\n", '<|im_end|>\n', image, '<|im_start|>assistant\n');

const ofTool = (text: string, otherwise = "''"): string => `{{ '${text}' if m['role'] == 'tool' else ${otherwise} }}`;

const chatMlWithTools = (image: string): string =>
  turns(
    `<|im_start|>${ofTool('user\n<tool_response>', "m['role']")}\n`,
    `${ofTool('\n</tool_response>')}<|im_end|>\n`,
    image,
    '<|im_start|>assistant\n',
    '\n<tool_call>\n{"name": "{{ f[\'name\'] }}", "arguments": {{ f[\'arguments\'] | tojson }}}\n</tool_call>',
  );

/** Writes no space between the role and an image that a turn begins with. */
const idefics3 = [
  "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}",
  "{% if m['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}",
  "{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}",
  "{% elif c['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n",
  "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
].join('');

const mistral = [
  "{% for m in messages %}{% if m['role'] == 'user' %}[INST]",
  "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}",
  "{% if c['type'] in ['image', 'image_url'] %}[IMG]{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}[/INST]",
  "{% else %}{% if m['content'] is string %}{{ m['content'] }}{% else %}{{ m['content'][0]['text'] }}{% endif %}</s>",
  '{% endif %}{% endfor %}',
].join('');

/** The pictures of a turn go before its texts. */
const paddleOcr = [
  "<|begin_of_sentence|>{% for m in messages %}{{ 'User: ' if m['role'] == 'user' else 'Assistant: ' }}",
  "{% if m['content'] is string %}{{ m['content'] }}{% else %}",
  "{% for c in m['content'] %}{% if c['type'] == 'image' %}",
  '<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>{% endif %}{% endfor %}',
  "{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}",
  "{{ '\n' if m['role'] == 'user' else '</s>' }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}",
].join('');

const qwenImage = '<|vision_start|><|image_pad|><|vision_end|>';

const parts = (type: string, written: string): string =>
  `{% for content in message['content'] | selectattr('type', 'equalto', '${type}') %}${written}{% endfor %}`;

/** LLaVA's templates write the images of a turn before its texts. */
const llava = [
  "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}",
  `{# Images first #}${parts('image', "{{ '<image>\n' }}")}`,
  `{% if message['role'] != 'assistant' %}${parts('text', "{{ content['text'] + ' '}}")}`,
  `{% else %}${parts('text', "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}")}{% endif %}`,
  "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
].join('');

const llavaQwen = [
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}",
  parts('image', "{{ '<image>' }}"),
  parts('text', "{{ '\n' + content['text'] }}"),
  "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
].join('');

const llavaNext = [
  "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' }}",
  parts('image', "{{ '<image>\n' }}"),
  `${parts('text', "{{ content['text'] }}")}{{ ' [/INST]' }}`,
  "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'][0]['text'] + '</s> ' }}{% endif %}{% endfor %}",
].join('');

const granite = [
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' }}",
  `${parts('image', "{{ '<image>\n' }}")}${parts('text', "{{ content['text'] + '\n' }}")}`,
  "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
].join('');

/** What a family adds to the tokenizer of its tiny checkpoint, and how its chat template writes images. */
export interface FamilyTemplate {
  readonly template: string;
  /** Tokens that the tiny tokenizer lacks. */
  readonly tokens: readonly string[];
}

const glmImage = '<|begin_of_image|><|image|><|end_of_image|>';

const glm45 = turns(
  `<|${ofTool('observation', "m['role']")}|>\n${ofTool('<tool_response>\n')}`,
  ofTool('\n</tool_response>'),
  glmImage,
  '<|assistant|>\n',
  [
    "\n<tool_call>{{ f['name'] }}\n{% for k, v in f['arguments'].items() %}<arg_key>{{ k }}</arg_key>\n",
    '<arg_value>{{ v if v is string else v | tojson }}</arg_value>\n{% endfor %}</tool_call>',
  ].join(''),
);

/** By the beginning of a checkpoint's name: what the templates of the family's models on the Hub do with images. */
export const familyTemplates: Readonly<Record<string, FamilyTemplate>> = {
  qwen2: { template: chatMl(qwenImage), tokens: [] },
  qwen3: { template: chatMlWithTools(qwenImage), tokens: [] },
  smolvlm: { template: idefics3, tokens: ['<end_of_utterance>'] },
  idefics3: { template: idefics3, tokens: ['<end_of_utterance>'] },
  internvl: { template: chatMl('<IMG_CONTEXT>\n'), tokens: ['<IMG_CONTEXT>'] },
  'minicpm-v': {
    template: chatMl('<|image_pad|>'),
    tokens: ['<|image_pad|>', '<|video_pad|>', '<image_id>', '</image_id>', '<|im_start|>', '<|im_end|>'],
  },
  paddleocr: { template: paddleOcr, tokens: [] },
  pixtral: { template: mistral, tokens: [] },
  mistral3: { template: mistral, tokens: [] },
  'deepseek-ocr': { template: turns('', '', '<image>\n', ''), tokens: ['<|grounding|>', '<|ref|>', '<|det|>'] },
  'kimi-vl': {
    template: turns(
      "<|im_{{ m['role'] }}|>{{ m['role'] }}<|im_middle|>",
      '<|im_end|>',
      '<|media_start|>image<|media_content|><|media_pad|><|media_end|>',
      '<|im_assistant|>assistant<|im_middle|>',
    ),
    tokens: ['<|media_content|>', '<|media_pad|>', '<|im_middle|>'],
  },
  bakllava: { template: llava, tokens: [] },
  granite: { template: granite, tokens: ['<image>', '<|user|>', '<|assistant|>'] },
  'llava-next': { template: llavaNext, tokens: [] },
  'llava-qwen': { template: llavaQwen, tokens: [] },
  llava: { template: llava, tokens: [] },
  'lfm2-vl': { template: chatMl('<image>'), tokens: [] },
  glm4v: {
    template: `[gMASK]<sop>\n${turns("<|{{ m['role'] }}|>\n", '', glmImage, '<|assistant|>\n')}`,
    // The table of the tiny checkpoint has room for one of the two marks of a video; the other is a text here.
    tokens: ['<|image|>', '<|assistant|>', '<|begin_of_video|>'],
  },
  'glm4.5v': { template: `[gMASK]<sop>\n${glm45}`, tokens: ['<|image|>', '<|assistant|>'] },
  llama4: {
    template: turns(
      `<|header_start|>${ofTool('ipython', "m['role']")}<|header_end|>\n\n`,
      '<|eot|>',
      '<|image|>',
      '<|header_start|>assistant<|header_end|>\n\n',
      '{"name": "{{ f[\'name\'] }}", "parameters": {{ f[\'arguments\'] | tojson }}}',
    ),
    tokens: ['<|header_start|>', '<|header_end|>', '<|eot|>'],
  },
  gemma3n: {
    template: `{{ bos_token }}${turns(
      "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n",
      '<end_of_turn>\n',
      '<image_soft_token>',
      '<start_of_turn>model\n',
    )}`,
    tokens: [],
  },
  gemma4: {
    template: turns(
      [
        "<|turn>{{ 'model' if m['role'] in ['assistant', 'tool'] else m['role'] }}\n",
        "{% if m['role'] == 'tool' %}<|tool_response>response:{{ m['name'] }}{value:<|\"|>{% endif %}",
      ].join(''),
      `${ofTool('<|"|>}<tool_response|>')}<turn|>\n`,
      '<|image|>',
      '<|turn>model\n',
      [
        "<|tool_call>call:{{ f['name'] }}{{ '{' }}{% for k, v in f['arguments'].items() %}",
        '{{ k }}:<|"|>{{ v }}<|"|>{% endfor %}}<tool_call|>',
      ].join(''),
    ),
    tokens: [],
  },
};
