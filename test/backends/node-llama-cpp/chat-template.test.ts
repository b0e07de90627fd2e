import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ReferenceTemplate, referenceTemplates } from '../../reference/chat-templates.ts';
import { checkTemplate } from '../../support/forgery-check.ts';
import { templateRenderer, textOf, type WrittenConversation } from '../../support/render-template.ts';
import { growth } from '../../support/growth.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/chat-templates');
const read = (name: string): unknown => JSON.parse(readFileSync(join(fixtures, name), 'utf8'));
const conversations = read('conversations.json') as Readonly<Record<string, WrittenConversation>>;
const expected = read('expected.json') as Readonly<Record<string, Readonly<Record<string, string | null>>>>;
const templates = referenceTemplates();

let render: Awaited<ReturnType<typeof templateRenderer>>;
beforeAll(async () => {
  render = await templateRenderer();
});

const template = (source: string, slot = ''): ReferenceTemplate => ({ source, slot });
const user = (text: string): WrittenConversation => ({ messages: [{ role: 'user', content: text }] });
const rendered = (source: string, conversation: WrittenConversation = user('x')): string =>
  textOf(render(template(source), conversation));

/** Undefined where the template would leave out tool calls, which is refused. */
function renderedUnlessLost(reference: ReferenceTemplate, conversation: WrittenConversation): string | undefined {
  try {
    return textOf(render(reference, conversation));
  } catch (error) {
    if (!(error instanceof Error) || !/leaves out messages\[\d+\]\.tool_calls/.test(error.message)) throw error;
    return undefined;
  }
}

/** What begins the description of tools for a model whose template has no place for them. */
const inOwnForm = 'You can call functions.';

/** Templates that show tools, but not in a form in which calls can be read, or not together with earlier calls. */
const unread: readonly string[] = [
  'CohereForAI-c4ai-command-r7b-12-2024-tool_use',
  'LFM2-8B-A1B',
  'LFM2.5-Instruct',
  'NVIDIA-Nemotron-Nano-v2',
  'ibm-granite-granite-3.3-2B-Instruct',
  'meetkai-functionary-medium-v3.1',
  'muse-glimmer',
  'tencent-Hy3',
  'upstage-Solar-Open-100B',
];

/** What the fixtures have for an image where a template knows none. */
const textSlot = '<img>';

describe('a real template makes the prompt that transformers makes', () => {
  it('of every template there is', () => {
    expect(Object.keys(expected)).toEqual(Object.keys(templates));
  });

  it.each(Object.entries(templates))('%s', (name, { source, slot }) => {
    const reference = { source, slot: slot || textSlot };
    for (const [title, wanted] of Object.entries(expected[name] ?? {})) {
      const conversation = conversations[title];
      if (conversation === undefined || wanted === null) continue;

      const text = renderedUnlessLost(reference, conversation);
      if (text === undefined) {
        expect(wanted, title).not.toContain('weather');
        // Of a text that is kept by its hash, the template tells.
        if (wanted.startsWith('sha256:')) expect(reference.source, title).not.toContain('tool_calls');
        continue;
      }
      if (text.includes(inOwnForm)) {
        expect(/\btools\b/.test(reference.source) ? unread : [name], title).toContain(name);
        continue;
      }
      const sha256 = createHash('sha256').update(text).digest('hex');
      expect(wanted.startsWith('sha256:') ? `sha256:${sha256}` : text, title).toBe(wanted);
    }
  });
});

it.each(Object.entries(templates).filter(([, { slot }]) => slot !== ''))(
  '%s: the result of a tool may be a picture',
  (_name, reference) => {
    for (const title of ['given tools, result with an image', 'given tools, result is an image']) {
      const conversation = conversations[title];
      if (conversation === undefined) throw new Error(`There is no conversation ${title}.`);
      const images = render(reference, conversation).filter(({ image }) => image >= 0);
      expect(images, title).toHaveLength(1);
    }
  },
);

describe('tools for a template that knows none', () => {
  const weather = { name: 'weather', description: 'How warm it is.', parameters: { type: 'object', properties: {} } };
  const call = { id: 'a', name: 'weather', arguments: '{"city": "Köln"}' };
  const messages: WrittenConversation['messages'] = [
    { role: 'system', content: 'Be nice.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'I look.', toolCalls: [call] },
    { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: '21' }, { type: 'image' }] },
    { role: 'tool', toolCallId: 'a', content: '22' },
    { role: 'user', content: 'So?' },
  ];
  const source = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}';

  it('are text, as are calls and results, with the pictures in them', () => {
    const text = textOf(render(template(source, '<img>'), { messages, tools: [weather] }));
    expect(text).toContain(`<system>Be nice.\n\n${inOwnForm}`);
    expect(text).toContain(JSON.stringify(weather.description));
    expect(text.slice(text.indexOf('<user>'))).toBe(
      [
        '<user>Hi<assistant>I look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>',
        '<user><tool_response>\n21<img></tool_response>\n<tool_response>\n22\n</tool_response>\nSo?',
      ].join(''),
    );
  });

  it('are the user’s where there is no system message', () => {
    const check = "{% if m.role == 'system' %}{{ raise_exception('No system role.') }}{% endif %}";
    const folding = source.replace('<{{', `${check}<{{`);
    const text = textOf(render(template(folding), { messages: [{ role: 'user', content: 'Hi' }], tools: [weather] }));
    expect(text).toMatch(/^<user>You can call functions\..*\nHi$/s);
  });
});

it('ids of calls are made short for a template that wants them so', () => {
  const ids =
    '{% for c in m.tool_calls %}{% if c.id | length != 9 %}{{ raise_exception("Too long.") }}{% endif %}{{ c.id }}{{ c.function.name }}{{ c.function.arguments }}{% endfor %}';
  const source = `{{ tools }}{% for m in messages %}{% if m.tool_calls %}${ids}{% endif %}{{ m.tool_call_id }}{{ m.content }}{% endfor %}`;
  const call = { id: 'call_abcdefghijklmnopqrstuvwx', name: 'look', arguments: '{}' };
  const messages: WrittenConversation['messages'] = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: '', toolCalls: [call] },
    { role: 'tool', toolCallId: call.id, content: '21' },
  ];
  expect(rendered(source, { messages })).toMatch(/Hi(\w{9})look\{\}\1?21$/);
});

/** With the word in every place where a request can put a text. */
const quagga: WrittenConversation = {
  messages: [
    { role: 'system', content: 'quagga' },
    {
      role: 'user',
      name: 'quagga',
      content: [
        { type: 'text', text: ' quagga' },
        { type: 'text', text: 'quagga ' },
      ],
    },
    {
      role: 'assistant',
      content: 'a quagga',
      reasoning: 'quagga',
      toolCalls: [{ id: 'quagga000', name: 'quagga', arguments: '{"quagga": ["quagga", {"quagga": "\\"quagga\\n"}]}' }],
    },
    { role: 'tool', name: 'quagga', toolCallId: 'quagga000', content: 'quagga' },
  ],
  tools: [
    {
      name: 'quagga',
      description: 'quagga',
      parameters: { type: 'object', properties: { quagga: { type: 'string', description: 'quagga' } } },
    },
  ],
  variables: { reasoning_effort: 'quagga', documents: [{ title: 'quagga', text: 'quagga' }] },
};

/** Some take no conversation without tools. */
const usable = Object.entries(templates).filter(([name]) => expected[name]?.['plain'] !== null);

describe('text of the request is told from the template’s own', () => {
  it.each(usable)('%s', (_name, reference) => {
    let runs: ReturnType<typeof render> = [];
    try {
      runs = render(reference, quagga);
    } catch (error) {
      // Some know no tools, or no system message.
      expect(error).toMatchObject({ code: 'chat_template_failed' });
      runs = render(reference, user('quagga'));
    }
    const ofUser = runs.filter(({ fromUser }) => fromUser);
    expect(textOf(ofUser)).toContain('quagga');
    expect(textOf(runs.filter(({ fromUser }) => !fromUser))).not.toContain('quagga');
  });

  it.each(usable)('%s, and no control token is made of its pieces', (_name, reference) => {
    expect(checkTemplate(render, reference, { count: 5 })).toEqual([]);
  });

  it.each([
    ['split', "{{ m.split('.') | join('') }}{{ m.split('.')[0] }}{{ m.split('.')[-1] }}{{ m.rsplit('.', 1)[0] }}"],
    ['replace', "{{ m.replace('.', '') }}{{ m | replace('x', m) }}{{ '..' | replace('.', m) }}"],
    ['slices', '{{ m[0] }}{{ m[-1] }}{{ m[1:] }}{{ m[::-1] }}'],
    ['case and space', "{{ m.strip('.') }}{{ m | trim | upper | lower | capitalize | title }}"],
    ['indent', '{{ m | indent(2) }}'],
    ['JSON', '{{ [m] | tojson }}{{ {m: m} | tojson(indent=2) }}{{ m | tojson(ensure_ascii=true) }}'],
    ['printing', "{{ [m] }}{{ {m: m} }}{{ '' ~ [m] }}{{ [m] | string }}"],
    ['loops', '{% for k, v in {m: m}.items() %}{{ k }}{{ v }}{% endfor %}'],
    ['blocks', '{% set a %}{{ m }}{% endset %}{{ a }}{% macro f(x) %}{{ x }}{% endmacro %}{{ f(m) }}{{ f(x=m) }}'],
    ['joins', "{{ [m, m] | join(m) }}{{ m.join([m, m]) }}{{ [{'a': m}] | map(attribute='a') | join }}"],
    ['formats', "{{ '{}{}'.format(m, m) }}{{ m ~ m }}{{ m * 2 }}"],
  ])('through %s', (_what, body) => {
    const runs = render(template(`{% set m = messages[0].content %}<t>${body}</t>`), user('quagga.quagga'));
    const ofTemplate = textOf(runs.filter(({ fromUser }) => !fromUser));
    expect(textOf(runs)).toMatch(/[aA]/);
    expect(ofTemplate).toMatch(/^<t>.*<\/t>$/s);
    expect(ofTemplate).not.toMatch(/[quag]/i);
  });

  it('piece by piece, where both are in one text', () => {
    const source =
      "{% set a = '<a>' + messages[0].content + '<b>' %}{{ a.replace('x', 'y').strip() }}{{ a.split('y')[0] }}";
    expect(render(template(source), user('x'))).toMatchObject([
      { text: '<a>y<b><a>', fromUser: false },
      { text: 'x', fromUser: true },
      { text: '<b>', fromUser: false },
    ]);
  });
});

describe('Python', () => {
  it.each([
    ['{{ none }} {{ true }} {{ 1 }} {{ 2.0 }} {{ undefined_name }}|', 'None True 1 2.0 |'],
    ["{{ ['a', 1, none, {'b': \"it's\"}] }}", `['a', 1, None, {'b': "it's"}]`],
    ['{{ [1.5, 1000.0] | tojson }}{{ 0.1 + 0.2 }} {{ 1 / 3 }}', '[1.5, 1000.0]0.30000000000000004 0.3333333333333333'],
    [`{{ {'b': 1, 'a': 'é"'} | tojson(sort_keys=true, ensure_ascii=true) }}`, '{"a": "\\u00e9\\"", "b": 1}'],
    ["{{ {'a': [1, {}], 'b': []} | tojson(indent=2) }}", '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}'],
    ["{{ 'héllo'[1] }}{{ 'héllo'[-1] }}{{ 'héllo' | length }}{{ 'héllo'[::-1] }}", 'éo5olléh'],
    ["{{ 'a  b\n c'.split() | join('|') }}{{ ' a b'.split(' ') | join('|') }}", 'a|b|c|a|b'],
    ["{{ 'a.b.c'.split('.', 1) }}{{ 'a.b.c'.rsplit('.', 1) }}", "['a', 'b.c']['a.b', 'c']"],
    ["{{ 'aXbXc'.replace('X', '-', 1) }}", 'a-bXc'],
    ["{{ '\u3000a\u00a0' | trim }}|", 'a|'],
    ['{% for i in [1, 2] %}{{ x is defined }}{% set x = 1 %}{% endfor %}', 'FalseFalse'],
    ['{% for i in [1, 2] %}{% continue %}{% else %}none{% endfor %}', 'none'],
    ['{% macro f(a, b=2, c=3) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1, c=4) }}', '124'],
    ["{{ none | default('a') }}{{ nothing | default('b') }}{{ '' | default('c', true) }}", 'Nonebc'],
    ['{{ {} is iterable }}{{ {} is sequence }}{{ 1 is iterable }}', 'TrueTrueFalse'],
    ['{% generation %}a{% endgeneration %}', 'a'],
    ["{{ {'b': 1, 'C': 2, 'a': 3} | dictsort }}", "[('a', 3), ('b', 1), ('C', 2)]"],
    ["{{ ['b', 'C', 'a'] | sort | join }}{{ ['b', 'C', 'a'] | sort(case_sensitive=true) | join }}", 'abCCab'],
    [
      "{{ ['a', 1] | map('string') | map('upper') | join }}{{ ['a', 1, ''] | select('string') | select | join }}",
      'A1a',
    ],
    ['{% set a = [] %}{{ a.append(1) }}{{ a }}', 'None[1]'],
  ])('%s', (source, wanted) => {
    const messages = '{% for m in messages %}{{ m.content }}{% endfor %}';
    expect(rendered(`${source}${messages}`)).toBe(`${wanted}x`);
  });
});

describe('the variables of a request', () => {
  const source = '{% if v is defined %}{{ v }}{% else %}not given{% endif %}{{ messages[0].content }}';
  it('are undefined unless they are given', () => {
    expect(rendered(source)).toBe('not givenx');
    expect(rendered(source, { ...user('x'), variables: { v: false } })).toBe('Falsex');
    expect(rendered(source, { ...user('x'), variables: { v: null } })).toBe('Nonex');
  });

  it('cannot replace the messages', () => {
    expect(() => rendered(source, { ...user('x'), variables: { messages: [] } })).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('and arguments of tool calls are not walked without end', () => {
    const deep = `{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const call = { id: 'a', name: 'dig', arguments: deep };
    const messages: WrittenConversation['messages'] = [{ role: 'assistant', content: '', toolCalls: [call] }];
    expect(() => rendered(source, { messages })).toThrow(/tool call dig are nested more than 100 levels/);
    const broken: WrittenConversation['messages'] = [
      { role: 'assistant', content: '', toolCalls: [{ ...call, arguments: '{' }] },
    ];
    expect(() => rendered(source, { messages: broken })).toThrow(
      /arguments of the tool call dig must be a JSON object/,
    );
  });
});

it('a template that refuses a conversation says why', () => {
  const source = "{{ raise_exception('Only cats.') }}";
  expect(() => rendered(source)).toThrow("The model's chat template rejected the conversation: Only cats.");
});

describe('a system message that the template', () => {
  const messages: WrittenConversation['messages'] = [
    {
      role: 'system',
      content: [
        { type: 'text', text: 'Be nice.' },
        { type: 'text', text: 'Be brief.' },
      ],
    },
    { role: 'user', content: 'What is it?' },
    { role: 'assistant', content: 'A star.' },
    { role: 'system', content: 'Be rude.' },
  ];
  const turn = "{% if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endif %}";
  const wanted = '<user>Be nice.\nBe brief.\nWhat is it?<assistant>A star.<user>Be rude.';
  it.each([
    ['drops', ''],
    ['refuses', "{% if m.role == 'system' %}{{ raise_exception('No system role.') }}{% endif %}"],
  ])('%s is the user’s', (_what, check) => {
    expect(rendered(`{% for m in messages %}${check}${turn}{% endfor %}`, { messages })).toBe(wanted);
  });

  it('takes stays one', () => {
    const source = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}';
    expect(rendered(source, { messages: messages.slice(0, 2) })).toBe('<system>Be nice.\nBe brief.<user>What is it?');
  });
});

it.each<[string, WrittenConversation['messages'], RegExp]>([
  [
    'a second system message',
    [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
      { role: 'system', content: 'Be nice.' },
    ],
    /leaves out messages\[2\], of the role system/,
  ],
  [
    'the result of a tool',
    [
      { role: 'user', content: 'Hi' },
      { role: 'tool', content: '42' },
    ],
    /leaves out messages\[1\], of the role tool/,
  ],
  [
    'a tool call',
    [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'look', arguments: '{"at": 1}' }] },
    ],
    /leaves out messages\[1\]\.tool_calls/,
  ],
])('a template that drops %s is refused', (_what, messages, reason) => {
  const source =
    "{% for m in messages %}{% if m.role in ['user', 'assistant'] or loop.first %}<{{ m.role }}>{{ m.content }}{% endif %}{% endfor %}";
  expect(() => rendered(source, { messages })).toThrow(reason);
  expect(rendered(source, { messages: messages.slice(0, 1) })).toContain(messages[0]?.content);
});

describe('tool calls', () => {
  const call = { id: 'a', name: 'look', arguments: '{"at": [1, "Köln"]}' };
  const calling = (content: WrittenConversation['messages'][number]['content']): WrittenConversation => ({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', ...(content === undefined ? {} : { content }), toolCalls: [call] },
    ],
  });
  const show = '[{{ c.function.name }}{{ c.function.arguments | tojson }}]';
  const calls = `{% for c in m.tool_calls %}${show}{% endfor %}`;
  const empty = [[undefined], [null], [''], [' '], [[]], [[{ type: 'text', text: '' }]]] as const;

  it.each(empty)('that a template shows where the content is none are shown beside %j', (content) => {
    const source = `{% for m in messages %}{% if m.content is none %}${calls}{% else %}<{{ m.content }}>{% endif %}{% endfor %}`;
    expect(rendered(source, calling(content))).toBe('<Hi>[look{"at": [1, "Köln"]}]');
    expect(rendered(source, calling('I look.'))).toBe('<Hi><I look.>[look{"at": [1, "Köln"]}]');
  });

  it.each(empty)('have no None before them where a template prints its contents: %j', (content) => {
    const source = `{% for m in messages %}<{{ m.content }}>${calls}{% endfor %}`;
    expect(rendered(source, calling(content))).toMatch(/^<Hi>< ?>\[look\{"at": \[1, "Köln"\]\}\]$/);
  });

  it.each(empty)('are shown by a template that cannot do without a text: %j', (content) => {
    const source = `{% for m in messages %}<{{ m.content.split('.')[0] }}>${calls}{% endfor %}`;
    expect(rendered(source, calling(content))).toMatch(/^<Hi>< ?>\[look/);
  });

  it('are given as the model wrote them to a template that takes their arguments for a text', () => {
    const source = `{% for m in messages %}{{ m.content }}${calls.replace('| tojson', "+ '.'")}{% endfor %}`;
    expect(rendered(source, calling('I look.'))).toBe('HiI look.[look{"at": [1, "Köln"]}.]');
  });
});

it('a tool call without arguments has none', () => {
  const call = { id: 'a', name: 'look', arguments: '' };
  const source = '{% for m in messages %}{{ m.tool_calls[0].function.arguments | tojson }}{% endfor %}';
  expect(rendered(source, { messages: [{ role: 'assistant', content: '', toolCalls: [call] }] })).toBe('{}');
});

it('an image goes as text through a template that takes strings', () => {
  const conversation: WrittenConversation = {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
          { type: 'image' },
          { type: 'text', text: 'c' },
        ],
      },
    ],
  };
  expect(textOf(render(template("{{ 'U: ' + messages[0]['content'] }}", '<img>'), conversation))).toBe('U: a\nb<img>c');
});

it('the line break behind an image is one, also in a template that takes strings', () => {
  const strings = { source: "{{ 'U: ' + messages[0]['content'] }}", slot: '<img>', written: '<img>\n' };
  const content = [{ type: 'image' }, { type: 'text', text: 'What?' }] as const;
  expect(textOf(render(strings, { messages: [{ role: 'user', content }] }))).toBe('U: <img>\nWhat?');
});

/** CPU time of a rendering, in microseconds. */
function cost(count: number): number {
  const source =
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}{{ m.content.split('b')[-1] }}{% endfor %}";
  const messages = Array.from({ length: count }, () => ({ role: 'user', content: ' abc ' }) as const);
  const before = process.cpuUsage();
  rendered(source, { messages });
  const { user: spent, system } = process.cpuUsage(before);
  return spent + system;
}

it('the time that a rendering takes grows with the messages, not with their square', async () => {
  cost(100);
  const ratio = await growth(
    () => cost(5000),
    () => cost(20_000),
    10,
  );
  expect(ratio).toBeLessThan(10);
});
