import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pictureBytes, referenceCases, shapesCheckpointDir } from '../support/shapes.ts';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

const model = 'shapes-vlm';
const options = { temperature: 0 };

/** A question about a picture, and what transformers answers. Ollama puts pictures before the text. */
function questionAboutPicture() {
  for (const { messages, expected, prompt_tokens, completion_tokens } of referenceCases) {
    const [message, second] = messages;
    const [picture, text, third] = message?.content ?? [];
    if (second !== undefined || third !== undefined || picture?.type !== 'image' || text?.type !== 'text') continue;
    const images = [new Uint8Array(pictureBytes(picture.image))];
    return { text: text.text, images, expected, prompt_tokens, completion_tokens };
  }
  throw new Error('There is no such reference case.');
}

describe("the embedded model behind the command line, asked by Ollama's own client", () => {
  const { text, images, expected, prompt_tokens, completion_tokens } = questionAboutPicture();
  const messages = () => [{ role: 'user', content: text, images }];
  let home: string;
  let vserve: VserveProcess;
  let client: Ollama;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'vserve-home-'));
    vserve = await startVserve(['--model', shapesCheckpointDir, '--served-model-name', model], { VSERVE_HOME: home });
    client = new Ollama({ host: vserve.url });
  });
  afterAll(async () => {
    expect(await vserve.stop('SIGINT')).toBe(0);
    await rm(home, { recursive: true });
  });

  it('answers about a picture as transformers does, in a chat and from a prompt', async () => {
    const chat = await client.chat({ model, messages: messages(), options });
    expect(chat).toMatchObject({
      message: { content: expected },
      done_reason: 'stop',
      prompt_eval_count: prompt_tokens,
      eval_count: completion_tokens,
    });
    expect(chat.eval_duration).toBeGreaterThan(0);
    const generated = await client.generate({ model, prompt: text, images, options });
    expect(generated.response).toBe(expected);
  });

  it('says the same in streams', async () => {
    let said = '';
    for await (const { message } of await client.chat({ model, messages: messages(), options, stream: true })) {
      said += message.content;
    }
    expect(said).toBe(expected);
    said = '';
    const stream = await client.generate({ model, prompt: text, images, options, stream: true });
    for await (const { response } of stream) said += response;
    expect(said).toBe(expected);
  });

  it('keeps to a schema', async () => {
    const format = { type: 'object', properties: { red: { type: 'boolean' } }, required: ['red'] };
    const { message } = await client.chat({ model, messages: messages(), options, format });
    expect(JSON.parse(message.content)).toEqual({ red: expect.any(Boolean) as boolean });
  });

  it('refuses what does not fit', async () => {
    await expect(client.chat({ model, messages: messages(), options: { num_ctx: 1e6 } })).rejects.toMatchObject({
      status_code: 400,
      error: expect.stringContaining('options.num_ctx') as string,
    });
    const long = [{ role: 'user', content: 'star '.repeat(20_000) }];
    await expect(client.chat({ model, messages: long })).rejects.toThrow(/context length/);
    await expect(client.chat({ model, messages: [{ role: 'user', content: '', images: ['AAAA'] }] })).rejects.toThrow(
      /image/i,
    );
  });

  it('shows what the model is', async () => {
    const { capabilities, model_info } = await client.show({ model: `${model}:latest` });
    expect(capabilities).toEqual(expect.arrayContaining(['completion', 'vision', 'tools']));
    expect(Object.keys(model_info)).toEqual(expect.arrayContaining(['general.architecture']));
  });
});
