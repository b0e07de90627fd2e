import type { Random } from './random.ts';

/** A request, and what it is. */
export interface SoakRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  /** The text that a complete stream ends with; undefined where nothing is said. */
  readonly end?: string | undefined;
}

/** What requests are made of. */
export interface SoakMaterial {
  /** Data URIs. */
  readonly pictures: readonly string[];
  /** Ids of stored responses, which later requests may name. */
  readonly responseIds: string[];
}

const TEXTS = ['Hello', 'Tell me a story.', 'What number is shown?', 'Ünïcödé 🙂 字', 'word '.repeat(150)];
const SCHEMA = { type: 'object', properties: { number: { type: 'integer' } }, required: ['number'] };
const TOOL = { name: 'look_up', description: 'Looks something up.', parameters: SCHEMA };

/** A request of any format. */
export function randomRequest(random: Random, material: SoakMaterial): SoakRequest {
  return random.pick(KINDS)(random, material);
}

type Kind = (random: Random, material: SoakMaterial) => SoakRequest;

const chat: Kind = (random, material) => {
  const stream = random.chance(0.6);
  const body = {
    messages: messages(random, material),
    ...sampling(random),
    stream,
    ...random.pick([
      {},
      {},
      { n: 2 },
      { logprobs: true, top_logprobs: 3 },
      { response_format: { type: 'json_schema', json_schema: { name: 'shown', schema: SCHEMA } } },
      { tools: [{ type: 'function', function: TOOL }], tool_choice: 'required' },
      { stop: ['.'] },
      ...(stream ? [{ stream_options: { include_usage: true } }] : []),
    ]),
  };
  return { method: 'POST', path: '/v1/chat/completions', body, ...(stream ? { end: 'data: [DONE]\n\n' } : {}) };
};

const completion: Kind = (random) => {
  const stream = random.chance(0.5);
  const prompt = random.pick<unknown>([random.pick(TEXTS), [random.pick(TEXTS), 'A'], [1, 2, 3], ['a', 5]]);
  const extra = random.pick([{}, { echo: true }, { logprobs: 2 }, { n: 2 }]);
  const body = { prompt, ...sampling(random), stream, ...extra };
  return { method: 'POST', path: '/v1/completions', body, ...(stream ? { end: 'data: [DONE]\n\n' } : {}) };
};

const response: Kind = (random, material) => {
  const previous = random.chance(0.3) ? material.responseIds.at(-1) : undefined;
  const background = random.chance(0.2);
  const stream = random.chance(0.5);
  const input = random.chance(0.5)
    ? random.pick(TEXTS)
    : [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: random.pick(TEXTS) },
            { type: 'input_image', image_url: random.pick(material.pictures) },
          ],
        },
      ];
  const { max_tokens: max, ...rest } = sampling(random);
  const body = {
    input,
    max_output_tokens: Math.max(16, max),
    temperature: rest.temperature,
    stream,
    ...(background ? { background } : {}),
    ...(previous === undefined ? {} : { previous_response_id: previous }),
  };
  return { method: 'POST', path: '/v1/responses', body };
};

const storedResponse: Kind = (random, { responseIds }) => {
  const id = random.chance(0.5) ? responseIds.shift() : responseIds.at(-1);
  const path = `/v1/responses/${id ?? 'resp_none'}`;
  return random.pick<SoakRequest>([
    { method: 'GET', path },
    { method: 'GET', path: `${path}?stream=true` },
    { method: 'GET', path: `${path}/input_items` },
    { method: 'POST', path: `${path}/cancel` },
    { method: 'DELETE', path },
  ]);
};

const message: Kind = (random, material) => {
  const picture = random.pick(material.pictures);
  const [, type = '', data = ''] = /^data:([^;]+);base64,(.*)$/s.exec(picture) ?? [];
  const image = { type: 'image', source: { type: 'base64', media_type: type, data } };
  const content = [...(random.chance(0.4) ? [image] : []), { type: 'text', text: random.pick(TEXTS) }];
  const { max_tokens: max, temperature } = sampling(random);
  const body = {
    model: '',
    max_tokens: max,
    temperature: Math.min(1, temperature),
    messages: [{ role: 'user', content }],
  };
  if (random.chance(0.2))
    return { method: 'POST', path: '/v1/messages/count_tokens', body: { ...body, max_tokens: undefined } };
  return { method: 'POST', path: '/v1/messages', body: { ...body, stream: random.chance(0.5) } };
};

const ollama: Kind = (random, material) => {
  const images = random.chance(0.3) ? [random.pick(material.pictures).replace(/^data:[^,]+,/, '')] : undefined;
  const { max_tokens: max, temperature } = sampling(random);
  const common = { model: '', stream: random.chance(0.5), options: { num_predict: max, temperature } };
  const content = random.pick(TEXTS);
  return random.pick<SoakRequest>([
    { method: 'POST', path: '/api/chat', body: { ...common, messages: [{ role: 'user', content, images }] } },
    { method: 'POST', path: '/api/generate', body: { ...common, prompt: content, images } },
    { method: 'POST', path: '/api/embed', body: { model: '', input: [content, 'b'] } },
    { method: 'GET', path: '/api/tags' },
    { method: 'GET', path: '/api/ps' },
    { method: 'POST', path: '/api/show', body: { model: '' } },
  ]);
};

const embedding: Kind = (random, material) => {
  const input = random.pick<unknown>([
    random.pick(TEXTS),
    ['a', 'b', 'c'],
    [1, 2, 3],
    Array.from({ length: 20 }, () => 'many'),
  ]);
  const seen = { messages: messages(random, material) };
  const body = { ...(random.chance(0.3) ? seen : { input }), encoding_format: random.pick(['float', 'base64']) };
  return { method: 'POST', path: '/v1/embeddings', body };
};

const tokens: Kind = (random, material) =>
  random.pick<SoakRequest>([
    { method: 'POST', path: '/tokenize', body: { content: random.pick(TEXTS), with_pieces: random.chance(0.5) } },
    { method: 'POST', path: '/tokenize', body: { content: 'long '.repeat(20_000) } },
    { method: 'POST', path: '/detokenize', body: { tokens: [1, 2, 3, random.below(2000)] } },
    { method: 'POST', path: '/apply-template', body: { messages: messages(random, material) } },
    { method: 'POST', path: '/v1/chat/completions/input_tokens', body: { messages: messages(random, material) } },
    { method: 'POST', path: '/v1/responses/input_tokens', body: { input: random.pick(TEXTS) } },
  ]);

const read: Kind = (random) => ({
  method: 'GET',
  path: random.pick(['/v1/models', '/props', '/slots', '/health', '/version', '/openapi.json', '/nowhere', '/docs']),
});

/** Each as often as it stands here. */
const KINDS: readonly Kind[] = [
  chat,
  chat,
  chat,
  completion,
  completion,
  response,
  response,
  storedResponse,
  message,
  message,
  ollama,
  ollama,
  embedding,
  tokens,
  tokens,
  read,
];

function messages(random: Random, { pictures }: SoakMaterial): object[] {
  const text = { type: 'text', text: random.pick(TEXTS) };
  const count = random.pick([0, 0, 0, 1, 1, 2]);
  const images = Array.from({ length: count }, () => ({
    type: 'image_url',
    image_url: { url: random.pick(pictures) },
  }));
  const asked = { role: 'user', content: [...images, text] };
  return random.chance(0.2)
    ? [asked, { role: 'assistant', content: 'A circle.' }, { role: 'user', content: 'Sure?' }]
    : [asked];
}

function sampling(random: Random): { max_tokens: number; temperature: number } {
  return { max_tokens: random.pick([1, 8, 30, 120]), temperature: random.pick([0, 0.7, 1.3]) };
}
