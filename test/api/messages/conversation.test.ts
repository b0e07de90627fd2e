import { describe, expect, it } from 'vitest';
import { failureOf, hello, parse } from './support.ts';

const png = 'iVBORw0KGgo=';
const text = (content: string) => ({ type: 'text', text: content });
const base64 = { type: 'base64', media_type: 'image/png', data: png };

function conversationOf(messages: readonly object[], fields: object = {}) {
  return parse({ messages, ...fields }).messages;
}

/** The text of a turn, its images as `[path]`. */
function shown(messages: readonly object[], fields: object = {}): [role: string, content: string][] {
  return conversationOf(messages, fields).map(({ role, content }) => [
    role,
    content.map((part) => (part.type === 'text' ? part.text : `[${part.param}]`)).join(''),
  ]);
}

const call = { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 1 } };
const asked = [...hello, { role: 'assistant', content: [text('I look.'), call] }];
const result = (fields: object) => ({ type: 'tool_result', tool_use_id: 'toolu_1', ...fields });

function header(hash: string): string {
  return `x-anthropic-billing-header: cc_version=2.1; cch=${hash};`;
}

describe('the system prompt', () => {
  it.each([
    ['a text', 'Be brief.'],
    ['blocks', [{ ...text('Be brief.'), cache_control: { type: 'ephemeral' } }]],
    ['a message of its own', undefined, [{ role: 'system', content: 'Be brief.' }]],
  ])('may be %s', (_, system, before: object[] = []) => {
    expect(shown([...before, ...hello], { system })).toEqual([
      ['system', 'Be brief.'],
      ['user', 'hello'],
    ]);
  });

  it('has a paragraph for each block, and none where there is none', () => {
    expect(shown(hello, { system: [text('One.'), text(''), text('Two.')] })[0]).toEqual(['system', 'One.\n\nTwo.']);
    for (const system of ['', [], null]) expect(shown(hello, { system })).toEqual([['user', 'hello']]);
  });

  it('is the same for the prefix cache, whatever Claude Code tells its provider in it', () => {
    const blocks = [text(header('a1b2c')), text('Be brief.')];
    expect(shown(hello, { system: blocks })).toEqual(shown(hello, { system: 'Be brief.' }));
    expect(shown(hello, { system: `${header('fffff')}\nBe brief.` })).toEqual(shown(hello, { system: 'Be brief.' }));
  });

  it('in the middle is a part of the turn of the user', () => {
    const messages = [
      ...hello,
      { role: 'system', content: 'Be brief.' },
      { role: 'assistant', content: 'Hi.' },
      ...hello,
    ];
    expect(shown(messages, { system: 'Rules.' })).toEqual([
      ['system', 'Rules.'],
      ['user', 'hello\n\n<system>\nBe brief.\n</system>'],
      ['assistant', 'Hi.'],
      ['user', 'hello'],
    ]);
  });

  it('has no images', () => {
    expect(failureOf({ system: [{ type: 'image', source: base64 }] })).toMatchObject({
      code: 'unsupported_parameter',
      param: 'system[0].type',
    });
  });
});

describe('turns', () => {
  it('of the same role are one', () => {
    const messages = [
      { role: 'user', content: 'One.' },
      { role: 'user', content: [text('Two.'), { type: 'image', source: base64 }] },
      { role: 'assistant', content: 'Three.' },
      { role: 'assistant', content: 'Four.' },
    ];
    expect(shown(messages)).toEqual([
      ['user', 'One.\n\nTwo.[messages[1].content[1]]'],
      ['assistant', 'Three.\n\nFour.'],
    ]);
  });

  it('may be an answer as it came', () => {
    const answer = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ ...text('Hi.') }],
    };
    const ended = { stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 1 } };
    expect(shown([...hello, { ...answer, ...ended }, ...hello])[1]).toEqual(['assistant', 'Hi.']);
  });

  it.each([
    ['no messages', { messages: [] }, 'messages'],
    ['another role', { messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role'],
    ['no content', { messages: [{ role: 'user' }] }, 'messages[0].content'],
    ['an unknown key', { messages: [{ role: 'user', content: 'x', nmae: 'y' }] }, 'messages[0].nmae'],
    [
      'an unknown key in a block',
      { messages: [{ role: 'user', content: [{ ...text('x'), y: 1 }] }] },
      'messages[0].content[0].y',
    ],
    [
      'a block without a type',
      { messages: [{ role: 'user', content: [{ text: 'x' }] }] },
      'messages[0].content[0].type',
    ],
    [
      'a text that is none',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 1 }] }] },
      'messages[0].content[0].text',
    ],
  ])('are refused with %s', (_, fields, param) => {
    expect(failureOf(fields)).toMatchObject({ code: 'invalid_request', param });
  });

  it.each(['server_tool_use', 'web_search_tool_result', 'container_upload', 'mcp_tool_use', 'compaction'])(
    'are refused with a block of another service: %s',
    (type) => {
      const { code, param, message } = failureOf({
        messages: [...hello, { role: 'assistant', content: [{ type }] }, ...hello],
      });
      expect([code, param]).toEqual(['unsupported_parameter', 'messages[1].content[0].type']);
      expect(message).toContain(type);
    },
  );
});

describe('an image', () => {
  it('is in base64, or at a URL', () => {
    const url = 'https://example.org/a.png';
    const content = [
      { type: 'image', source: base64, cache_control: { type: 'ephemeral' } },
      { type: 'image', source: { type: 'url', url } },
    ];
    expect(conversationOf([{ role: 'user', content }])[0]?.content).toEqual([
      { type: 'image', url: `data:;base64,${png}`, param: 'messages[0].content[0]' },
      { type: 'image', url, param: 'messages[0].content[1]' },
    ]);
  });

  it.each([
    [{ source: { type: 'file', file_id: 'file_1' } }, 'messages[0].content[0].source.file_id'],
    [{ source: base64, transformations: { oversized_image: 'error' } }, 'messages[0].content[0].transformations'],
  ])('cannot be had from %j', (fields, param) => {
    const messages = [{ role: 'user', content: [{ type: 'image', ...fields }] }];
    expect(failureOf({ messages })).toMatchObject({ code: 'unsupported_parameter', param });
  });
});

const document = (fields: object) => [{ role: 'user', content: [{ type: 'document', ...fields }, text('Sum it up.')] }];

describe('a document', () => {
  it('of text is told with its title and context', () => {
    const source = { type: 'text', media_type: 'text/plain', data: 'All of it.' };
    expect(shown(document({ source, title: 'T', context: 'C' }))).toEqual([
      ['user', '<document>\n<title>T</title>\n<context>C</context>\nAll of it.\n</document>\nSum it up.'],
    ]);
  });

  it.each([
    [{ type: 'base64', media_type: 'application/pdf', data: 'JVBERi0x' }, 'data:;base64,JVBERi0x'],
    [{ type: 'url', url: 'https://example.org/a.pdf' }, 'https://example.org/a.pdf'],
  ])('of a file is opened later: %j', (source, url) => {
    const [turn] = conversationOf(document({ source, title: 'T', pages: '2', text_layer: true }));
    expect(turn?.content.slice(0, 3)).toEqual([
      text('<document>\n<title>T</title>\n'),
      {
        type: 'document',
        url,
        param: 'messages[0].content[0]',
        pages: [{ first: 2, last: 2 }],
        textLayer: true,
        isText: false,
      },
      text('\n</document>\n'),
    ]);
  });

  it('of blocks may have images', () => {
    const source = { type: 'content', content: [text('Page 1: '), { type: 'image', source: base64 }] };
    expect(shown(document({ source, citations: { enabled: false } }))[0]?.[1]).toContain(
      'Page 1: [messages[0].content[0].source.content[1]]',
    );
  });

  it.each([
    ['a file where none are stored', { source: { type: 'file', file_id: 'f' } }, 'source.file_id'],
    ['a page of a text', { source: { type: 'text', data: 'x' }, pages: '1' }, 'pages'],
    ['citations', { source: { type: 'text', data: 'x' }, citations: { enabled: true } }, 'citations'],
  ])('cannot be %s', (_, fields, place) => {
    expect(failureOf({ messages: document(fields) })).toMatchObject({
      code: 'unsupported_parameter',
      param: `messages[0].content[0].${place}`,
    });
  });
});

describe('tool calls', () => {
  it('have their results in messages of their own, before what else the user says', () => {
    const content = [text('Go on.'), result({ content: [text('A star: '), { type: 'image', source: base64 }] })];
    expect(conversationOf([...asked, { role: 'user', content }]).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [text('I look.')],
        toolCalls: [{ id: 'toolu_1', name: 'look', arguments: '{"at":1}' }],
      },
      {
        role: 'tool',
        toolCallId: 'toolu_1',
        name: 'look',
        content: [
          text('A star: '),
          { type: 'image', url: `data:;base64,${png}`, param: 'messages[2].content[1].content[1]' },
        ],
      },
      { role: 'user', content: [text('Go on.')] },
    ]);
  });

  it.each([
    ['a text', { content: 'A star.' }, 'A star.'],
    ['nothing', {}, ''],
    ['an error', { content: 'No such place.', is_error: true }, 'Error: No such place.'],
    [
      'an error that says so',
      { content: '<tool_use_error>No</tool_use_error>', is_error: true },
      '<tool_use_error>No</tool_use_error>',
    ],
    [
      'tools that were found',
      { content: [{ type: 'tool_reference', tool_name: 'look' }] },
      'The tool look is available.\n',
    ],
  ])('may result in %s', (_, fields, expected) => {
    expect(shown([...asked, { role: 'user', content: [result(fields)] }]).at(-1)).toEqual(['tool', expected]);
  });

  it.each([
    [[{ role: 'user', content: [result({})] }], 'messages[0].content[0].tool_use_id'],
    [[...asked, { role: 'user', content: [{ type: 'tool_result' }] }], 'messages[2].content[0].tool_use_id'],
    [[...hello, { role: 'assistant', content: [{ ...call, input: [] }] }], 'messages[1].content[0].input'],
    [[...hello, { role: 'assistant', content: [{ ...call, name: 'a b' }] }], 'messages[1].content[0].name'],
    [asked, 'messages[1].content'],
  ])('are refused where they do not fit together: %#', (messages, param) => {
    expect(failureOf({ messages })).toMatchObject({ code: 'invalid_request', param });
  });
});

const thought = (thinking: string) => [
  { type: 'thinking', thinking, signature: 'abc' },
  { type: 'redacted_thinking', data: 'x' },
  text('Yes.'),
];

describe('thinking', () => {
  const messages = [
    ...hello,
    { role: 'assistant', content: thought('One.') },
    ...hello,
    { role: 'assistant', content: thought('Two.') },
    ...hello,
  ];
  const kept = (fields: object) => conversationOf(messages, fields).flatMap(({ reasoning = [] }) => reasoning);

  it('of earlier turns is fed back', () => {
    expect(kept({})).toEqual(['One.', 'Two.']);
    expect(kept({ context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] } })).toEqual([
      'One.',
      'Two.',
    ]);
  });

  it.each([undefined, { type: 'thinking_turns', value: 1 }])('is forgotten where that is asked for: %j', (keep) => {
    expect(kept({ context_management: { edits: [{ type: 'clear_thinking_20251015', keep }] } })).toEqual(['Two.']);
  });

  it('is the only thing that can be forgotten', () => {
    expect(failureOf({ context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } })).toMatchObject({
      code: 'unsupported_parameter',
      param: 'context_management.edits[0].type',
    });
  });
});

describe('an answer that is begun', () => {
  it('is continued', () => {
    const { messages, template } = parse({ messages: [...hello, { role: 'assistant', content: 'The answer is (' }] });
    expect([messages.at(-1)?.content, template.continueFinalMessage]).toEqual([[text('The answer is (')], true]);
  });

  it.each(['', []])('with nothing is a new one: %j', (content) => {
    const { messages, template } = parse({ messages: [...hello, { role: 'assistant', content }] });
    expect([messages.length, template]).toMatchObject([1, { addGenerationPrompt: true, continueFinalMessage: false }]);
  });
});
