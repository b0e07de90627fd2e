import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createEchoBackend } from '../../backends/echo/index.ts';
import type { GenerateRequest, GenerationEvent, ImageReceipt, LoadedModel } from '../../src/backend/index.ts';
import { imagesInLine } from '../../src/server/images-in-short.ts';
import { IMAGE_MARKER } from '../../src/backend/index.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';
import { send } from './support/http.ts';
import type { TestServer } from './support/serve.ts';
import { serveModel } from './support/serve.ts';

const file = readFileSync(new URL('../fixtures/images/grey.png', import.meta.url));
const data = `data:image/png;base64,${file.toString('base64')}`;
const receipt: ImageReceipt = {
  seen: { width: 8, height: 8 },
  tokens: 70,
  tiles: 0,
  wasEncoded: true,
  wasComputed: false,
  encodeMs: 0,
};

/** A model that tells what became of images. */
async function seeingModel(): Promise<LoadedModel> {
  const echo = await createEchoBackend({}).load({ modelPath: '', mmprojPath: undefined }, defaultLoadSettings, {
    onProgress: () => undefined,
    log: () => undefined,
    signal: new AbortController().signal,
  });
  async function* generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const contents = [...request.messages.map(({ content }) => content), request.prompt ?? []];
    const images = contents.flatMap((content) => content.filter(({ type }) => type === 'image'));
    for await (const event of echo.generate(request, signal)) {
      if (event.type === 'finish') {
        yield { ...event, usage: { ...event.usage, imageTokens: 70 * images.length } };
        continue;
      }
      yield event;
      if (event.type !== 'start') continue;
      const receipts = images.map(() => receipt);
      yield { type: 'prefilled', cachedTokens: 0, queueMs: 0, prefillMs: 0, images: receipts };
    }
  }
  return { info: echo.info, generate, stats: () => echo.stats(), close: () => echo.close() };
}

const chatBody = {
  messages: [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: data } },
        { type: 'text', text: 'seen' },
      ],
    },
  ],
};

async function ask(server: TestServer, path: string, body: object, headers: Record<string, string> = {}) {
  return send(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

const details = [
  {
    param: 'messages[0].content[0]',
    sent: { width: expect.any(Number) as number, height: expect.any(Number) as number },
    seen: { width: 8, height: 8 },
    tokens: 70,
    tiles: 0,
    cached: { decoded: false, encoded: true, computed: false },
    fetch_ms: expect.any(Number) as number,
    decode_ms: expect.any(Number) as number,
    encode_ms: 0,
  },
];

/** The JSON of each event or line of a stream. */
function objectsOf(stream: string): object[] {
  const texts = stream.split('\n').map((line) => line.replace(/^data: /, ''));
  return texts.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as object);
}

describe('what became of an image', () => {
  it('is told of a chat completion that asks for it', async () => {
    const server = await serveModel(await seeingModel());
    const answer = JSON.parse(
      (await ask(server, '/v1/chat/completions', { ...chatBody, include: ['image_details'] })).text,
    );
    expect(answer).toMatchObject({ image_details: details, usage: { prompt_tokens_details: { image_tokens: 70 } } });
    const plain = JSON.parse((await ask(server, '/v1/chat/completions', chatBody)).text) as object;
    expect(plain).not.toHaveProperty('image_details');
  });

  it('is told in the last chunk of a stream', async () => {
    const server = await serveModel(await seeingModel());
    const { text } = await ask(server, '/v1/chat/completions', {
      ...chatBody,
      stream: true,
      include: ['image_details'],
    });
    const chunks = text.split('\n\n').filter((line) => line.startsWith('data: {'));
    expect(JSON.parse(chunks.at(-1)?.slice(6) ?? '')).toMatchObject({ image_details: details });
    expect(chunks.filter((chunk) => chunk.includes('image_details'))).toHaveLength(1);
  });

  it.each([false, true])('is told of a response that asks for it (streamed: %s)', async (stream) => {
    const server = await serveModel(await seeingModel());
    const input = [{ role: 'user', content: [{ type: 'input_image', image_url: data }] }];
    const { text } = await ask(server, '/v1/responses', { input, stream, include: ['image_details'] });
    const last = stream
      ? text
          .split('\n')
          .findLast((line) => line.startsWith('data: {'))
          ?.slice(6)
      : text;
    const told = JSON.parse(last ?? '') as { response?: object };
    expect(told.response ?? told).toMatchObject({
      image_details: [{ ...details[0], param: 'input[0].content[0]' }],
      usage: { input_tokens_details: { image_tokens: 70 } },
    });
  });

  it.each([
    [
      '/v1/messages',
      {
        max_tokens: 9,
        messages: [
          { role: 'user', content: [{ type: 'image', source: { type: 'base64', data: file.toString('base64') } }] },
        ],
      },
    ],
    ['/api/chat', { stream: false, messages: [{ role: 'user', content: 'seen', images: [file.toString('base64')] }] }],
    ['/v1/chat/completions', chatBody],
  ])('is told at %s where a header asks for it', async (path, body) => {
    const server = await serveModel(await seeingModel());
    const headers = { 'x-vserve-image-details': '1' };
    expect(JSON.parse((await ask(server, path, body, headers)).text)).toMatchObject({
      image_details: [{ seen: { width: 8, height: 8 }, tokens: 70 }],
    });
    expect(JSON.parse((await ask(server, path, body, { 'x-vserve-image-details': '0' })).text)).not.toHaveProperty(
      'image_details',
    );
    const refused = await ask(server, path, body, { 'x-vserve-image-details': 'yes' });
    expect([refused.status, refused.text]).toEqual([400, expect.stringMatching(/must be 0 or 1, not .{0,2}yes/)]);
  });

  it('a header that asks for something else is refused where nothing is generated, too', async () => {
    const server = await serveModel(await seeingModel());
    const { status, text } = await ask(server, '/api/chat', {}, { 'x-vserve-image-details': 'yes' });
    expect([status, text]).toEqual([400, expect.stringContaining('must be 0 or 1')]);
  });

  const prompt = { prompt_string: `${IMAGE_MARKER}seen`, multimodal_data: [file.toString('base64')] };
  const anthropic = { type: 'base64', media_type: 'image/png', data: file.toString('base64') };

  it.each([
    ['/v1/messages', { max_tokens: 9, messages: [{ role: 'user', content: [{ type: 'image', source: anthropic }] }] }],
    ['/api/chat', { messages: [{ role: 'user', content: 'seen', images: [file.toString('base64')] }] }],
    ['/api/generate', { prompt: 'seen', images: [file.toString('base64')] }],
    ['/v1/completions', { prompt, max_tokens: 9 }],
    ['/v1/completions', { prompt, max_tokens: 9, stream_options: { include_usage: true } }],
    ['/completion', { prompt, n_predict: 9 }],
    ['/invocations', { prompt, max_tokens: 9 }],
    ['/invocations', chatBody],
  ])('is told once, at the end of a stream of %s, where a field or a header asks for it', async (path, body) => {
    const settings = { apiTypes: ['openai', 'anthropic', 'ollama', 'sagemaker'] } as const;
    const server = await serveModel(await seeingModel(), { settings });
    const streamed = { ...body, stream: true };
    const asked = await ask(server, path, { ...streamed, include: ['image_details'] });
    const byHeader = await ask(server, path, streamed, { 'x-vserve-image-details': '1' });
    const plain = await ask(server, path, streamed);
    for (const { text } of [asked, byHeader]) {
      const objects = objectsOf(text);
      const told = objects.filter((object) => 'image_details' in object);
      expect(told).toMatchObject([{ image_details: [{ seen: { width: 8, height: 8 }, tokens: 70 }] }]);
      expect(objects.slice(-2)).toContain(told[0]);
    }
    expect(plain.text).not.toContain('image_details');
  });

  it('is told of each answer where several prompts have several', async () => {
    const server = await serveModel(await seeingModel());
    const body = { prompt: [prompt, 'none', prompt], n_predict: 9, include: ['image_details'] };
    const answers = JSON.parse((await ask(server, '/completion', body)).text) as { image_details: object[] }[];
    expect(answers.map((answer) => answer.image_details.length)).toEqual([1, 0, 1]);
  });

  it('stands in the line of the request, and that it has lost most of its pixels', async () => {
    const server = await serveModel(await seeingModel());
    await ask(server, '/v1/chat/completions', chatBody);
    const lines = server.log.filter((entry) => entry.includes('as 8x8'));
    expect(lines).toEqual([
      expect.stringMatching(
        /^info \S+ POST .* 1 image \[\d+x\d+ as 8x8, 70 tokens, encoded before, shrunk to \S+ % of its pixels\], answer /,
      ),
    ]);
  });
});

describe('images in a line', () => {
  const kept: ImageReceipt = { ...receipt, wasEncoded: false, sent: sentAs(8) };
  const shrunk: ImageReceipt = { ...kept, sent: sentAs(80) };

  it('are told one by one, the first few of many', () => {
    expect(imagesInLine([kept, { ...kept, tiles: 3 }])).toBe('8x8 as 8x8, 70 tokens; 8x8 as 8x8 in 3 tiles, 70 tokens');
    const told = Array.from({ length: 4 }, () => '8x8 as 8x8, 70 tokens').join('; ');
    expect(imagesInLine(Array.from({ length: 10 }, () => ({ ...kept })))).toBe(`${told}; 6 more`);
  });

  it('are not left out where they were shrunk', () => {
    const many = Array.from({ length: 10 }, () => ({ ...kept }));
    expect(imagesInLine([...many, shrunk])).toMatch(
      /; 80x80 as 8x8, 70 tokens, shrunk to 1\.0 % of its pixels; 6 more$/,
    );
    const lost = Array.from({ length: 20 }, () => ({ ...shrunk }));
    expect(imagesInLine(lost)).toMatch(/; 12 more, 12 of them shrunk to less than half$/);
  });
});

function sentAs(side: number): NonNullable<ImageReceipt['sent']> {
  return { param: 'image', width: side, height: side, wasDecoded: false, fetchMs: 0, decodeMs: 0 };
}
