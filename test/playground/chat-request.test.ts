import { expect, it } from 'vitest';
import { chatRequest } from '../../src/playground/requests/chat-request.ts';
import type { ChatRequestOptions } from '../../src/playground/requests/chat-request.ts';
import { ableModel, answered, photo, plainModel, scan, settingsWith, turnOf } from './support.ts';

function requestWith(changes: Partial<ChatRequestOptions> = {}) {
  return chatRequest({
    model: ableModel,
    settings: settingsWith(),
    history: [],
    column: 0,
    question: 'What is it?',
    attachments: [],
    urlOf: ({ id }) => `data:${id}`,
    ...changes,
  });
}

it('a question with untouched settings leaves everything to the server', () => {
  expect(requestWith({ model: plainModel })).toEqual({
    model: 'org/model',
    messages: [{ role: 'user', content: 'What is it?' }],
    stream: true,
    stream_options: { include_usage: true },
  });
});

it('settings are sent as numbers, and only those that are set', () => {
  const settings = settingsWith({ system: 'Be brief.', temperature: '0', topP: ' 0.9', maxTokens: '20', seed: '7' });
  expect(requestWith({ settings })).toMatchObject({
    messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
    temperature: 0,
    top_p: 0.9,
    max_tokens: 20,
    seed: 7,
  });
});

it('pictures and PDFs come before the text of their question', () => {
  const { messages } = requestWith({ attachments: [photo, scan] });
  expect(messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: 'data:p' } },
        { type: 'file', file: { filename: 'scan.pdf', file_data: 'data:s' } },
        { type: 'text', text: 'What is it?' },
      ],
    },
  ]);
});

it('what the browser no longer keeps is left out', () => {
  const { messages } = requestWith({ attachments: [photo], urlOf: () => undefined });
  expect(messages).toEqual([{ role: 'user', content: 'What is it?' }]);
});

it('each of two compared settings goes on from its own answers', () => {
  const history = [turnOf('one', answered('A1'), answered('B1')), turnOf('two', answered('alone'))];
  const said = (column: number) => JSON.stringify(requestWith({ history, column })['messages']);
  expect([said(0).includes('A1'), said(0).includes('B1'), said(0).includes('alone')]).toEqual([true, false, true]);
  expect([said(1).includes('A1'), said(1).includes('B1'), said(1).includes('alone')]).toEqual([false, true, true]);
});

it('a question that was not answered is not asked a second time', () => {
  const history = [turnOf('lost', answered('', { status: 'failed' })), turnOf('kept', answered('yes'))];
  const roles = (requestWith({ history })['messages'] as { role: string }[]).map(({ role }) => role);
  expect(roles).toEqual(['user', 'assistant', 'user']);
});

it('a schema and a choice about reasoning are sent to models that know them', () => {
  const settings = settingsWith({ isStructured: true, schema: '{"type":"object"}', thinking: 'off' });
  expect(requestWith({ settings })).toMatchObject({
    response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' }, strict: true } },
    chat_template_kwargs: { enable_thinking: false },
    include: ['image_details'],
    return_progress: true,
  });
  const plain = requestWith({ settings, model: plainModel });
  expect(Object.keys(plain)).toEqual(['model', 'messages', 'stream', 'stream_options']);
});
