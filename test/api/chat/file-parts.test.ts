import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { LongText } from '../../../src/api/index.ts';
import { VserveError } from '../../../src/errors/index.ts';

const pdf = 'data:application/pdf;base64,JVBERi0xLjcK';
const png = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAmUlEQVR4';
const mp4 = 'data:video/mp4;base64,AAAAGGZ0eXBtcDQy';
const part = 'messages[0].content[0]';

/** The parts of a message with this one, or the code and param of the error. */
function outcomeOf(given: object): unknown {
  try {
    const body = { messages: [{ role: 'user', content: [given] }] };
    return parseChatRequest(body, { allowExtraFields: false }).messages[0]?.content;
  } catch (error) {
    if (error instanceof VserveError) return `${error.code} ${error.param ?? ''}`;
    throw error;
  }
}

const document = (fields: object = {}) => [
  {
    type: 'document',
    url: pdf,
    param: part,
    pages: undefined,
    textLayer: false,
    isText: false,
    ...fields,
  },
];
const file = (fields: object) => ({ type: 'file', file: fields });

const files: Readonly<Record<string, [given: object, outcome: unknown]>> = {
  "OpenAI's": [file({ file_data: pdf, filename: 'a.pdf' }), document()],
  "Responses'": [{ type: 'input_file', file_data: pdf, filename: 'a.pdf' }, document()],
  'of a URL': [file({ file_url: 'https://a/b.pdf' }), document({ url: 'https://a/b.pdf' })],
  "OpenRouter's of a URL": [file({ file_data: 'https://a/b.pdf' }), document({ url: 'https://a/b.pdf' })],
  "Responses' of a URL": [{ type: 'input_file', file_url: 'https://a/b.pdf' }, document({ url: 'https://a/b.pdf' })],
  'a PDF where images are': [{ type: 'image_url', image_url: { url: pdf } }, document()],
  pages: [
    file({ file_data: pdf, pages: '1-3, 7,9-' }),
    document({ pages: [{ first: 1, last: 3 }, { first: 7, last: 7 }, { first: 9 }] }),
  ],
  'a page': [file({ file_data: pdf, pages: 2 }), document({ pages: [{ first: 2, last: 2 }] })],
  'a list of pages': [
    file({ file_data: pdf, pages: [2, '4-5'] }),
    document({
      pages: [
        { first: 2, last: 2 },
        { first: 4, last: 5 },
      ],
    }),
  ],
  'the text layer': [file({ file_data: pdf, text_layer: true }), document({ textLayer: true })],
  'little detail': [file({ file_data: pdf, detail: 'low' }), document({ budget: { detail: 'low' } })],
  'text by its type': [file({ file_data: 'data:text/plain,a' }), document({ url: 'data:text/plain,a', isText: true })],
  'text by its name': [
    file({ file_data: 'data:,a', filename: 'README.md' }),
    document({ url: 'data:,a', isText: true }),
  ],
  'an image': [file({ file_data: png, filename: 'a.png' }), [{ type: 'image', url: png, param: part }]],
  'no file': [{ type: 'file' }, `invalid_request ${part}.file`],
  'an empty one': [file({}), `invalid_request ${part}.file.file_data`],
  'the id of a file': [file({ file_id: 'f' }), `unsupported_parameter ${part}.file.file_id`],
  'an id beside data': [file({ file_id: 'f', file_data: pdf }), `unsupported_parameter ${part}.file.file_id`],
  'data outside of its object': [{ type: 'file', file_data: pdf }, `unsupported_parameter ${part}.file_data`],
  'two files': [file({ file_data: pdf, file_url: 'https://a/' }), `invalid_request ${part}.file.file_data`],
  'data that is no text': [file({ file_data: 5 }), `invalid_request ${part}.file.file_data`],
  'a sound': [file({ file_data: 'data:audio/wav;base64,AAAA' }), `unsupported_parameter ${part}.file.file_data`],
  'a video': [file({ file_data: mp4 }), `unsupported_parameter ${part}.file.file_data`],
  'a name that is no text': [file({ file_data: pdf, filename: 5 }), `invalid_request ${part}.file.filename`],
  'pages of nothing': [file({ file_data: pdf, pages: '' }), `invalid_request ${part}.file.pages`],
  'no list of pages': [file({ file_data: pdf, pages: [] }), `invalid_request ${part}.file.pages`],
  'page 0': [file({ file_data: pdf, pages: '0-2' }), `invalid_request ${part}.file.pages`],
  'pages backwards': [file({ file_data: pdf, pages: '3-1' }), `invalid_request ${part}.file.pages`],
  'pages of an image': [file({ file_data: png, pages: 1 }), `unsupported_parameter ${part}.file.pages`],
  'a text layer of another kind': [
    file({ file_data: pdf, text_layer: 'yes' }),
    `invalid_request ${part}.file.text_layer`,
  ],
  'an unknown detail': [file({ file_data: pdf, detail: 'ultra' }), `invalid_request ${part}.file.detail`],
  'an unknown key': [file({ file_data: pdf, dpi: 300 }), `invalid_request ${part}.file.dpi`],
};

const video = (fields: object = {}) => [{ type: 'video', url: 'https://a/b.mp4', param: part, ...fields }];
const image = (url: string, index: number, key = 'video') => ({
  type: 'image',
  url,
  param: `${part}.${key}[${index}]`,
});
const list = (frames: readonly object[], framesPerSecond?: number) => [
  { type: 'frames', frames, framesPerSecond, param: part },
];

const videos: Readonly<Record<string, [given: object, outcome: unknown]>> = {
  "vLLM's": [{ type: 'video_url', video_url: { url: 'https://a/b.mp4' } }, video()],
  'a bare URL': [{ type: 'video_url', video_url: 'https://a/b.mp4' }, video()],
  "llama-server's": [{ type: 'input_video', input_video: { url: 'https://a/b.mp4' } }, video()],
  "llama-server's data": [
    { type: 'input_video', input_video: { data: 'AAAAGGZ0eXBtcDQy' } },
    video({ url: 'data:;base64,AAAAGGZ0eXBtcDQy' }),
  ],
  "Qwen's": [
    { type: 'video', video: 'https://a/b.mp4', fps: 1, max_frames: 9 },
    video({ framesPerSecond: 1, maxFrames: 9 }),
  ],
  'a part of it': [
    { type: 'video_url', video_url: { url: 'https://a/b.mp4', video_start: 0, video_end: 2.5 }, num_frames: 3 },
    video({ startS: 0, endS: 2.5, frames: 3 }),
  ],
  'a list of frames': [{ type: 'video', video: ['http://a/', png] }, list([image('http://a/', 0), image(png, 1)])],
  'a list of frames with their rate': [
    { type: 'video', video: ['http://a/', png], sample_fps: 4 },
    list([image('http://a/', 0), image(png, 1)], 4),
  ],
  "vLLM's list of frames": [
    { type: 'video_url', video_url: { url: 'data:video/jpeg;base64,/9j/4AAQ,/9j/4AAR' } },
    list(['/9j/4AAQ', '/9j/4AAR'].map((frame, index) => image(`data:image/jpeg;base64,${frame}`, index, 'video_url'))),
  ],
  'no video': [{ type: 'video_url' }, `invalid_request ${part}.video_url`],
  'an empty URL': [{ type: 'video_url', video_url: { url: '' } }, `invalid_request ${part}.video_url.url`],
  'two videos': [{ type: 'video', video: 'http://a/', video_url: 'http://b/' }, `invalid_request ${part}.video_url`],
  'an empty list': [{ type: 'video', video: [] }, `invalid_request ${part}.video`],
  'a frame that is none': [{ type: 'video', video: [5] }, `invalid_request ${part}.video[0]`],
  'a choice of listed frames': [
    { type: 'video', video: ['http://a/'], nframes: 1 },
    `unsupported_parameter ${part}.nframes`,
  ],
  'two rates': [{ type: 'video', video: 'http://a/', fps: 1, nframes: 4 }, `invalid_request ${part}.fps`],
  'a rate of nothing': [{ type: 'video', video: 'http://a/', fps: 0 }, `invalid_request ${part}.fps`],
  'half a frame': [{ type: 'video', video: 'http://a/', max_frames: 0.5 }, `invalid_request ${part}.max_frames`],
  'more at least than at most': [
    { type: 'video', video: 'http://a/', min_frames: 5, max_frames: 4 },
    `invalid_request ${part}.min_frames`,
  ],
  'an end before the start': [
    { type: 'video', video: 'http://a/', video_start: 2, video_end: 1 },
    `invalid_request ${part}.video_end`,
  ],
  'a size': [{ type: 'video', video: 'http://a/', max_pixels: 5 }, `unsupported_parameter ${part}.max_pixels`],
};

describe('a file', () => {
  it.each(Object.entries(files))('%s', (_, [given, outcome]) => expect(outcomeOf(given)).toEqual(outcome));
});

describe('a video', () => {
  it.each(Object.entries(videos))('%s', (_, [given, outcome]) => expect(outcomeOf(given)).toEqual(outcome));

  it('is refused where it has more frames than a video could, before they are looked at', () => {
    const commas = Buffer.from(`data:video/jpeg;base64,${','.repeat(100_000)}`);
    const refused = `too_many_images ${part}.video_url`;
    expect(outcomeOf({ type: 'video_url', video_url: new LongText([new Uint8Array(commas)]) })).toBe(refused);
    expect(outcomeOf({ type: 'video_url', video_url: commas.toString() })).toBe(refused);
  });

  it('is a list of frames also where it is too long for one piece', () => {
    const frames = Array.from({ length: 3 }, (_, index) => `/9j/${'A'.repeat(3000 + index)}`);
    const whole = Buffer.from(`data:video/jpeg;base64,${frames.join(',')}`);
    const pieces = [0, 2000, 4000, 7000].map(
      (from, index, all) => new Uint8Array(whole.subarray(from, all[index + 1])),
    );
    const parts = outcomeOf({ type: 'video_url', video_url: new LongText(pieces) });
    const [{ frames: listed }] = parts as [{ frames: { url: LongText }[] }];
    const urls = listed.map(({ url }) => url.toString());
    expect(urls).toEqual(frames.map((frame) => `data:image/jpeg;base64,${frame}`));
  });
});
