import { describe, expect, it } from 'vitest';
import { imageReferences } from '../../../src/api/index.ts';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { failureOf, hello, parse } from './support.ts';
import { growth } from '../../support/growth.ts';

function contentOf(content: unknown) {
  return parse({ messages: [{ role: 'user', content }] }).messages[0]?.content;
}

describe('roles', () => {
  it.each([
    ['system', 'system'],
    ['developer', 'system'],
    ['user', 'user'],
    ['assistant', 'assistant'],
  ])('reads %s as %s', (role, expected) => {
    expect(parse({ messages: [{ role, content: 'x' }] }).messages[0]?.role).toBe(expected);
  });

  it.each([['robot'], [undefined], [null], [5], [['user']], ['constructor'], ['__proto__']])('refuses %j', (role) => {
    expect(
      failureOf({
        messages: [
          { role: 'user', content: 'x' },
          { role, content: 'x' },
        ],
      }),
    ).toMatchObject({
      code: 'invalid_request',
      param: 'messages[1].role',
      message: expect.stringContaining(
        'must be one of system, developer, user, assistant, tool, function, not',
      ) as string,
    });
  });
});

describe('content', () => {
  it('is a text, parts, or null for nothing', () => {
    expect(contentOf('hi')).toEqual([{ type: 'text', text: 'hi' }]);
    expect(contentOf('')).toEqual([{ type: 'text', text: '' }]);
    expect(contentOf(null)).toEqual([]);
    expect(contentOf([])).toEqual([]);
    expect(contentOf(undefined)).toEqual([]);
    expect(
      contentOf([
        { type: 'text', text: 'a' },
        { type: 'input_text', text: 'b' },
      ]),
    ).toEqual([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ]);
  });

  it('refers to images by an object or a bare URL, and knows where each stands', () => {
    const request = parse({
      messages: [
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://a/', detail: 'high' } }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'and' },
            { type: 'image_url', image_url: 'data:,b' },
          ],
        },
      ],
    });
    expect(imageReferences(request)).toEqual([
      { type: 'image', url: 'http://a/', param: 'messages[0].content[0]', budget: { detail: 'high' } },
      { type: 'image', url: 'data:,b', param: 'messages[1].content[1]' },
    ]);
  });

  it.each<[string, unknown, string, string]>([
    ['a number', 5, 'messages[0].content', 'not 5'],
    ['an object', {}, 'messages[0].content', 'not an object'],
    ['a part that is a text', ['x'], 'messages[0].content[0]', 'not "x"'],
    ['a part that is null', [null], 'messages[0].content[0]', 'not null'],
    ['a text part without text', [{ type: 'text' }], 'messages[0].content[0].text', 'not nothing'],
    ['a part without a type', [{ text: 'x' }], 'messages[0].content[0].type', 'is missing'],
    ['a null image', [{ type: 'image_url', image_url: null }], 'messages[0].content[0].image_url', 'not nothing'],
    ['no image', [{ type: 'image_url' }], 'messages[0].content[0].image_url', 'not nothing'],
    ['an empty URL', [{ type: 'image_url', image_url: '' }], 'messages[0].content[0].image_url', 'not ""'],
    ['a URL object without one', [{ type: 'image_url', image_url: {} }], 'messages[0].content[0].image_url.url', 'URL'],
  ])('refuses %s', (_, content, param, message) => {
    const failure = failureOf({ messages: [{ role: 'user', content }] });
    expect(failure).toMatchObject({ code: 'invalid_request', param });
    expect(failure.message).toMatch(/ must be | is missing/);
    expect(failure.message).toContain(message);
  });

  it.each(['input_audio', 'audio_url', 'image_embeds'])('does not drop a part of type %s', (type) => {
    expect(failureOf({ messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, { type }] }] })).toMatchObject(
      {
        code: 'unsupported_parameter',
        param: 'messages[0].content[1].type',
      },
    );
  });

  it.each([[undefined], [null], [[]], ['hello'], [{}]])('refuses %j as messages', (messages) => {
    expect(failureOf({ messages })).toMatchObject({ code: 'invalid_request', param: 'messages' });
  });

  it.each([[null], ['hello'], [[]], [5]])('refuses %j as a message', (message) => {
    expect(failureOf({ messages: [message] })).toMatchObject({ code: 'invalid_request', param: 'messages[0]' });
  });
});

/** CPU time to read a request. */
function cpuMs(messages: unknown): number {
  const before = process.cpuUsage();
  parse({ messages });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe('the time to read', () => {
  const ofMany: Readonly<Record<string, (count: number) => unknown>> = {
    parts: (count) => [{ role: 'user', content: Array.from({ length: count }, () => ({ type: 'text', text: 'a' })) }],
    images: (count) => [
      { role: 'user', content: Array.from({ length: count }, () => ({ type: 'image_url', image_url: 'data:,a' })) },
    ],
    messages: (count) => Array.from({ length: count }, () => ({ role: 'user', content: 'a' })),
    'tool calls': (count) => [
      ...Array.from({ length: count }, () => ({ role: 'assistant', tool_calls: [{ function: { name: 'f' } }] })),
      { role: 'tool', content: 'a' },
    ],
  };

  it.each(Object.keys(ofMany))('grows with the number of %s, and no faster', async (what) => {
    const make = ofMany[what] ?? (() => []);
    cpuMs(make(2000));
    const ratio = await growth(
      () => Math.max(1, cpuMs(make(8000))),
      () => cpuMs(make(32_000)),
      10,
    );
    expect(ratio).toBeLessThan(10);
  });
});

describe('an image under a key that nobody knows', () => {
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ';

  it.each<[string, object]>([
    ['images', { images: [png] }],
    ['image_url', { image_url: 'https://example.com/a.png' }],
    ['image_data', { image_data: [{ data: png, id: 1 }] }],
    ['whatever', { whatever: png }],
    ['messages[0].media', { messages: [{ role: 'user', content: 'x', media: [png] }] }],
    [
      'messages[0].content[0].inline_data',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', inline_data: { data: png } }] }] },
    ],
    [
      'messages[0].content[0].image_url.base64',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'a:b', base64: png } }] }] },
    ],
  ])('is refused at %s, also where unknown fields are ignored', (param, fields) => {
    for (const allowExtraFields of [false, true]) {
      const read = () => parseChatRequest({ messages: hello, ...fields }, { allowExtraFields });
      expect(read).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }) as Error);
      expect(read).not.toThrow(/allow-extra-request-fields/);
    }
  });
});

it("a URL among Ollama's images is an image", () => {
  const { messages } = parse({ messages: [{ role: 'user', content: 'x', images: ['https://example.com/a.png'] }] });
  expect(messages[0]?.content[0]).toMatchObject({ type: 'image', url: 'https://example.com/a.png' });
});

it('a key that only looks like media is as unknown as any other', () => {
  expect(failureOf({ immediate: 'x' })).toMatchObject({ code: 'invalid_request', param: 'immediate' });
});
