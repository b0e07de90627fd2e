import { describe, expect, it } from 'vitest';
import { kindOf, typeOf } from '../../src/playground/requests/attachment.ts';
import { titleOf } from '../../src/playground/requests/conversation.ts';
import { readHealth } from '../../src/playground/requests/health.ts';
import { checkSchema, EXAMPLE_SCHEMAS, formatSchema } from '../../src/playground/requests/schema.ts';
import { numberProblem, readSettings } from '../../src/playground/requests/settings.ts';
import { viewOf } from '../../src/playground/results/table.ts';
import { conversationsToStrip } from '../../src/playground/storage/kept-files.ts';
import { photo } from './support.ts';

describe('numbers as typed', () => {
  it.each([
    ['temperature', '', undefined],
    ['temperature', '0.7', undefined],
    ['temperature', '-1', 'Must be a number from 0'],
    ['temperature', 'hot', 'Must be a number from 0'],
    ['topP', '1.5', 'Must be a number from 0 to 1'],
    ['maxTokens', '0', 'Must be a whole number from 1'],
    ['seed', '1.5', 'Must be a whole number from 0'],
  ] as const)('%s: %j', (name, text, problem) => {
    expect(numberProblem(name, text)).toBe(problem);
  });

  it('that an older version did not keep have their defaults', () => {
    expect(readSettings({ temperature: '1' })).toMatchObject({ temperature: '1', topP: '', isStructured: false });
  });
});

describe('a schema as typed', () => {
  it('is read, and the examples are', () => {
    expect(checkSchema('{"type": "object"}').schema).toEqual({ type: 'object' });
    for (const example of Object.values(EXAMPLE_SCHEMAS)) {
      expect(checkSchema(JSON.stringify(example)).schema).toEqual(example);
    }
  });

  it.each([
    ['', 'Write a JSON schema'],
    ['[]', 'must be a JSON object'],
    ['{\n  "type": object\n}', 'Line 2, column 11'],
  ])('has its mistake told: %j', (text, problem) => {
    expect(checkSchema(text).problem).toContain(problem);
  });

  it('is formatted, unless it is no JSON', () => {
    expect(formatSchema('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(formatSchema('{"a":')).toBe('{"a":');
  });
});

describe('a result', () => {
  it.each([
    ['text', 'red', { type: 'text', text: 'red' }],
    ['nothing', null, { type: 'text', text: '–' }],
    ['a list', ['red', 1], { type: 'list', items: ['red', '1'] }],
    ['an object', { a: 1 }, { type: 'record', entries: [['a', 1]] }],
    ['a list of lists', [[1]], { type: 'items', items: [[1]] }],
    ['rows', [{ a: 1 }, { b: 2 }], { type: 'table', columns: ['a', 'b'], rows: [{ a: 1 }, { b: 2 }] }],
  ])('is shown by its shape: %s', (_, value, view) => {
    expect(viewOf(value)).toEqual(view);
  });
});

describe('files that are attached', () => {
  it.each([
    ['photo.png', 'image/png', 'image'],
    ['IMG_1.HEIC', '', 'image'],
    ['paper.pdf', '', 'document'],
    ['notes.txt', 'text/plain', undefined],
    ['noend', '', undefined],
  ])('%s of type %j', (name, type, kind) => {
    expect(kindOf(typeOf({ name, type }))).toBe(kind);
  });

  it('of conversations that were left alone longest go first, and those of the latest stay', () => {
    const uses = [
      { conversationId: 'old', updatedAt: 1, sizeBytes: 50 },
      { conversationId: 'latest', updatedAt: 3, sizeBytes: 500 },
      { conversationId: 'middle', updatedAt: 2, sizeBytes: 10 },
    ];
    expect(conversationsToStrip(uses, 560)).toEqual([]);
    expect(conversationsToStrip(uses, 515)).toEqual(['old']);
    expect(conversationsToStrip(uses, 100)).toEqual(['middle', 'old']);
  });
});

it('a conversation is named by its first question, or its picture', () => {
  expect(titleOf('What is it?\nSay more.', [])).toBe('What is it?');
  expect(titleOf('  ', [photo])).toBe("cat's.png");
  expect(titleOf('x'.repeat(100), [])).toHaveLength(60);
});

it('a server that loads its model says what it does', () => {
  expect(readHealth({ status: 'ok' })).toBeUndefined();
  expect(readHealth({ status: 'loading', stage: 'converting', progress: 0.4 })).toEqual({
    status: 'loading',
    text: 'Converting the model',
    progress: 0.4,
  });
});
