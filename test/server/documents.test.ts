import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { pdfOf, pdfUri, textAt } from '../support/pdf.ts';
import { send } from './support/http.ts';
import type { TestServerOptions } from './support/serve.ts';
import { serve } from './support/serve.ts';

const pages = pdfOf({ content: textAt(20, 60, 'One') }, { width: 100, height: 200 });
const data = pages.toString('base64');
const grey = readFileSync(new URL('../fixtures/images/grey.png', import.meta.url)).toString('base64');
const png = `data:image/png;base64,${grey}`;
const question = { type: 'text', text: 'What?' };

interface Answered {
  readonly status: number;
  readonly body: {
    readonly error?: { readonly code?: string; readonly param?: string; readonly message: string };
    readonly choices?: readonly { readonly message: { readonly content: string } }[];
    readonly content?: readonly { readonly text: string }[];
  };
}

async function ask(path: string, body: object, options: TestServerOptions = {}): Promise<Answered> {
  const { url } = await serve(options);
  const { status, text } = await send(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) });
  return { status, body: JSON.parse(text) as Answered['body'] };
}

const chat = (message: object, options?: TestServerOptions) =>
  ask('/v1/chat/completions', { messages: [{ role: 'user', ...message }] }, options);

/** What the model was shown. */
async function seen(part: object, options?: TestServerOptions): Promise<string | undefined> {
  const { body } = await chat({ content: [part, question] }, options);
  return body.choices?.[0]?.message.content ?? body.error?.message;
}

/** The tokens of a question about something. */
const count = async (part: object) => {
  const messages = [{ role: 'user', content: [part, question] }];
  return (await ask('/v1/chat/completions/input_tokens', { messages })).body;
};

async function gifOf(...colours: string[]): Promise<string> {
  const frames = colours.map((background) => ({ create: { width: 20, height: 10, channels: 3 as const, background } }));
  const gif = await sharp(await Promise.all(frames.map((frame) => sharp(frame).png().toBuffer())), {
    join: { animated: true },
  })
    .gif({ delay: colours.map(() => 500) })
    .toBuffer();
  return gif.toString('base64');
}

describe('a document', () => {
  it.each([
    ["OpenAI's chat", { type: 'file', file: { file_data: pdfUri(pages) } }],
    ['a picture', { type: 'image_url', image_url: { url: pdfUri(pages) } }],
    ["the Responses API's form", { type: 'input_file', file_data: pdfUri(pages) }],
  ])('is shown page by page in %s', async (_, part) => {
    expect(await seen(part)).toBe('[image 300x150] [image 150x300] What?');
  });

  it('is shown in the Responses API and the Messages API', async () => {
    const content = [{ type: 'input_file', file_data: pdfUri(pages), pages: '2', text_layer: true }];
    const responded = await ask('/v1/responses', { model: '', input: [{ role: 'user', content }] });
    expect(JSON.stringify(responded.body)).toContain('[image 150x300]');
    const source = { type: 'base64', media_type: 'application/pdf', data };
    const messages = [{ role: 'user', content: [{ type: 'document', source, title: 'T', text_layer: true }] }];
    const { body } = await ask('/v1/messages', { model: '', max_tokens: 100, messages });
    expect(body.content?.[0]?.text).toMatch(/<title>T<\/title>\s+\[image 300x150\]\s+One\s+\[image 150x300\]/);
  });

  it('of text is text, also for a model that cannot see', async () => {
    const part = { type: 'file', file: { file_data: 'data:text/markdown,%23%20Title', filename: 'a.md' } };
    expect(await seen(part, { info: { capabilities: { vision: false } } })).toBe('# Title What?');
  });

  it('has as many images as pages, within the limit of a request', async () => {
    const { status, body } = await chat(
      {
        content: [
          { type: 'image_url', image_url: png },
          { type: 'file', file: { file_data: pdfUri(pages) } },
        ],
      },
      { settings: { maxImagesPerRequest: 2 } },
    );
    expect([status, body.error]).toMatchObject([400, { code: 'too_many_images', param: 'messages[0].content[1]' }]);
    expect(body.error?.message).toMatch(/has 3 images; the limit of this server is 2/);
  });

  it('counts for the tokens of a prompt as what it becomes', async () => {
    const document = await count({ type: 'file', file: { file_data: pdfUri(pdfOf({})) } });
    const picture = await sharp({ create: { width: 300, height: 150, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const image = await count({ type: 'image_url', image_url: `data:;base64,${picture.toString('base64')}` });
    expect(document).toEqual(image);
  });
});

describe('a video', () => {
  it('that is an animation is shown frame by frame, each behind its time', async () => {
    const url = `data:image/gif;base64,${await gifOf('red', 'lime', 'blue', 'white')}`;
    expect(await seen({ type: 'video_url', video_url: { url } })).toBe(
      [0, 0.5, 1, 1.5].map((time) => `<${time.toFixed(1)} seconds> [image 20x10] `).join('') + 'What?',
    );
    expect(await seen({ type: 'video_url', video_url: { url, max_frames: 2 } })).toBe(
      '<0.0 seconds> [image 20x10] <1.5 seconds> [image 20x10] What?',
    );
  });

  it('is shown two frames at once to a model that sees them so, behind the middle of their times', async () => {
    const url = `data:image/gif;base64,${await gifOf('red', 'lime', 'blue')}`;
    const part = { type: 'video_url', video_url: { url } };
    const info = { video: { framesPerImage: 2, times: 'words' } } as const;
    expect(await seen(part, { info })).toBe('<0.2 seconds> [image 20x10] <1.0 seconds> [image 20x10] What?');
  });

  it('has its times in positions for a model that is told them so', async () => {
    const url = `data:image/gif;base64,${await gifOf('red', 'lime', 'blue', 'white', 'black')}`;
    const info = { video: { framesPerImage: 2, times: 'positions', positionsPerSecond: 2 } } as const;
    const server = await serve({ info });
    const messages = [{ role: 'user', content: [{ type: 'video_url', video_url: { url } }, question] }];
    await send(`${server.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify({ messages }) });
    expect(server.generateRequests[0]?.messages[0]?.content).toMatchObject([
      { type: 'image', image: { width: 20, height: 10, frames: 2 } },
      { type: 'image', image: { frames: 2 }, videoPosition: 2 },
      { type: 'image', image: { rgb: { length: 20 * 10 * 3 } }, videoPosition: 4 },
      question,
    ]);
    expect(server.generateRequests[0]?.messages[0]?.content[0]).not.toHaveProperty('videoPosition');
  });

  it.each([
    ['so many frames', { num_frames: 2 }, {}, 2],
    ['a rate', { fps: 1.25 }, {}, 5],
    ['what a video says itself', { num_frames: 2 }, { fps: 1.5 }, 6],
    ['nothing', {}, {}, 8],
  ])('is sampled by media_io_kwargs: %s', async (_, video, own, count) => {
    const colours = ['red', 'lime', 'blue', 'white', 'black', 'grey', 'navy', 'teal'];
    const url = `data:image/gif;base64,${await gifOf(...colours)}`;
    const { body } = await ask('/v1/chat/completions', {
      media_io_kwargs: { video },
      messages: [{ role: 'user', content: [{ type: 'video_url', video_url: { url }, ...own }] }],
    });
    const stamps = body.choices?.[0]?.message.content.match(/seconds/g) ?? [];
    expect(stamps).toHaveLength(count);
  });

  it('that is a list of frames is shown as it is', async () => {
    expect(await seen({ type: 'video', video: [png, png], fps: 2 })).toBe(
      '<0.0 seconds> [image 83x61] <0.5 seconds> [image 83x61] What?',
    );
  });

  it('that is a list of frames is shown as any video to a model that sees pairs', async () => {
    const frames = { type: 'video', video: [png, png, png], fps: 2 };
    const words = { video: { framesPerImage: 2, times: 'words' } } as const;
    expect(await seen(frames, { info: words })).toBe('<0.2 seconds> [image 83x61] <1.0 seconds> [image 83x61] What?');
    // Twice a second, where the list does not say.
    const { fps: _, ...untimed } = frames;
    expect(await seen(untimed, { info: words })).toBe(await seen(frames, { info: words }));
    const marks = { before: '<video>', after: '</video>' };
    const seconds = { video: { framesPerImage: 2, times: 'seconds', marks } } as const;
    expect(await seen(frames, { info: seconds })).toBe('<video> [image 83x61] 0 [image 83x61] 1 </video> What?');
    const positions = { video: { framesPerImage: 2, times: 'positions', positionsPerSecond: 2 } } as const;
    const server = await serve({ info: positions });
    const body = JSON.stringify({ messages: [{ role: 'user', content: [frames, question] }] });
    await send(`${server.url}/v1/chat/completions`, { method: 'POST', body });
    expect(server.generateRequests[0]?.messages[0]?.content).toMatchObject([
      { type: 'image', image: { frames: 2, rgb: { length: 83 * 61 * 3 * 2 } } },
      { type: 'image', videoPosition: 2 },
      question,
    ]);
  });

  it('that is a list has frames of one size, as many as a request may have images', async () => {
    const info = { video: { framesPerImage: 2, times: 'words' } } as const;
    const gif = `data:image/gif;base64,${await gifOf('red', 'lime')}`;
    const several = await chat({ content: [{ type: 'video', video: [png, gif] }] }, { info });
    expect([several.status, several.body.error]).toMatchObject([
      400,
      { code: 'invalid_request', param: 'messages[0].content[0].video[1]' },
    ]);
    const many = await chat(
      { content: [{ type: 'video', video: [png, png, png] }] },
      { info, settings: { maxImagesPerRequest: 2 } },
    );
    expect(many.body.error).toMatchObject({ code: 'too_many_images', param: 'messages[0].content[0].video[2]' });
  });

  it('needs FFmpeg, and the error says so where it is missing', async () => {
    const url = `data:video/mp4;base64,${Buffer.from('\0\0\0\u0018ftypmp42').toString('base64')}`;
    const content = [{ type: 'video_url', video_url: { url } }];
    const { status, body } = await chat({ content }, { media: { ffmpeg: '/nowhere/ffmpeg' } });
    expect([status, body.error]).toMatchObject([
      400,
      { code: 'unsupported_capability', param: 'messages[0].content[0]' },
    ]);
    expect(body.error?.message).toMatch(/FFmpeg.*Install it.*--ffmpeg/);
  });
});

const content = (...parts: unknown[]) => ({ content: parts });
const inContent = 'messages[0].content[0]';

/** What clients send by mistake: the model would not see it. */
const wrong: Readonly<Record<string, [message: object, code: string, param: string]>> = {
  'a file beside the content': [
    { content: 'x', file: { file_data: pdfUri(pages) } },
    'unsupported_parameter',
    'messages[0].file',
  ],
  'files beside the content': [{ content: 'x', files: [pdfUri(pages)] }, 'unsupported_parameter', 'messages[0].files'],
  attachments: [{ content: 'x', attachments: [{ data }] }, 'unsupported_parameter', 'messages[0].attachments'],
  "a PDF in Ollama's images": [{ content: 'x', images: [data] }, 'undecodable', 'messages[0].images[0]'],
  'a PDF as a picture in base64': [content({ type: 'image_url', image_url: data }), 'undecodable', inContent],
  'data beside the file': [
    content({ type: 'file', file_data: pdfUri(pages) }),
    'unsupported_parameter',
    `${inContent}.file_data`,
  ],
  'a file that is a text': [content({ type: 'file', file: pdfUri(pages) }), 'invalid_request', `${inContent}.file`],
  'an id of a file that is none': [
    content({ type: 'file', file: { file_id: 5 } }),
    'invalid_request',
    `${inContent}.file.file_id`,
  ],
  "Anthropic's document": [
    content({ type: 'document', source: { type: 'base64', data } }),
    'unsupported_parameter',
    `${inContent}.type`,
  ],
  'data in a text part': [
    content({ ...question, file_data: pdfUri(pages) }),
    'unsupported_parameter',
    `${inContent}.file_data`,
  ],
  'a Word document': [
    content({ type: 'file', file: { file_data: `data:application/msword;base64,UEsDBA==` } }),
    'undecodable',
    inContent,
  ],
  'half a data URI': [
    content({ type: 'file', file: { file_data: 'data:application/pdf' } }),
    'bad_data_uri',
    inContent,
  ],
  'a path': [content({ type: 'file', file: { file_data: '/tmp/a.pdf' } }), 'malformed_url', inContent],
  'a video as a picture': [
    content({ type: 'image_url', image_url: { url: 'data:video/mp4;base64,AAAAGGZ0eXBtcDQy' } }),
    'undecodable',
    inContent,
  ],
  'a picture as a document of pages': [
    content({ type: 'file', file: { file_data: png, pages: '1' } }),
    'unsupported_parameter',
    `${inContent}.file.pages`,
  ],
  'a video beside the content': [{ content: 'x', videos: [png] }, 'unsupported_parameter', 'messages[0].videos'],
  'the URL of a video in a text part': [
    content({ ...question, video_url: { url: png } }),
    'unsupported_parameter',
    `${inContent}.video_url`,
  ],
  'a playlist as a video': [
    content({ type: 'video_url', video_url: { url: 'data:,%23EXTM3U%0Afile:///etc/passwd' } }),
    'undecodable',
    inContent,
  ],
  'a PDF as a video': [content({ type: 'video_url', video_url: { url: pdfUri(pages) } }), 'undecodable', inContent],
};

it('what would not be seen is refused by name, also where unknown fields are ignored', async () => {
  const { url } = await serve({ settings: { allowExtraRequestFields: true } });
  const outcomes: [string, ...unknown[]][] = [];
  for (const [name, [message]] of Object.entries(wrong)) {
    const body = JSON.stringify({ messages: [{ role: 'user', ...message }] });
    const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body });
    const { error } = JSON.parse(answer.text) as Answered['body'];
    outcomes.push([name, answer.status, error?.code, error?.param]);
  }
  expect(outcomes).toEqual(Object.entries(wrong).map(([name, [, code, param]]) => [name, 400, code, param]));
});
