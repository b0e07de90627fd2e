import { describe, expect, it } from 'vitest';
import { send } from './support/http.ts';
import { serve } from './support/serve.ts';

const on = { settings: { apiTypes: ['sagemaker' as const] } };
const messages = [{ role: 'user', content: 'one two' }];

async function invoke(url: string, body: object) {
  const { status, text } = await send(`${url}/invocations`, { method: 'POST', body: JSON.stringify(body) });
  return { status, text };
}

describe("SageMaker's routes", () => {
  it('answer a ping', async () => {
    const { url } = await serve(on);
    expect(await send(`${url}/ping`)).toMatchObject({ status: 200 });
  });

  it('take a conversation as a chat completion, streamed and not', async () => {
    const { url } = await serve(on);
    const { status, text } = await invoke(url, { messages });
    expect([status, JSON.parse(text)]).toMatchObject([
      200,
      { id: expect.stringMatching(/^chatcmpl-/) as string, choices: [{ message: { content: 'one two' } }] },
    ]);
    const stream = await invoke(url, { messages, stream: true });
    expect(stream.text).toMatch(/"delta":\{"content":"one "\}[^]*\[DONE\]/);
  });

  it('take a prompt as a completion, streamed and not', async () => {
    const { url } = await serve(on);
    const { status, text } = await invoke(url, { prompt: ['one two', 'three'] });
    expect([status, JSON.parse(text)]).toMatchObject([
      200,
      { id: expect.stringMatching(/^cmpl-/) as string, choices: [{ text: 'one two' }, { text: 'three' }] },
    ]);
    const stream = await invoke(url, { prompt: 'one two', stream: true });
    expect(stream.text).toMatch(/"text":"one "[^]*\[DONE\]/);
  });

  it('name the field at fault', async () => {
    const { url } = await serve(on);
    const { status, text } = await invoke(url, {});
    expect([status, JSON.parse(text)]).toMatchObject([400, { error: { param: 'messages' } }]);
  });

  it('are there only if asked for', async () => {
    const { url } = await serve();
    expect((await invoke(url, { messages })).status).toBe(404);
  });
});
