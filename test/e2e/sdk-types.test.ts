import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pictureBytes, pictureType, shapesCheckpointDir } from '../support/shapes.ts';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

const repository = join(import.meta.dirname, '../..');
/** Where the compiler finds the libraries. */
const folder = join(repository, 'node_modules/.cache/vserve-sdk-types');
const model = 'shapes-vlm';
const picture = '031-0.png';
const data = pictureBytes(picture).toString('base64');
const url = `data:${pictureType(picture)};base64,${data}`;

const place = { type: 'object', properties: { place: { enum: ['left', 'right'] } }, required: ['place'] };
const lookAt = { name: 'look_at', parameters: place };
const text = 'What is in this image?';
const chat = {
  model,
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text },
        { type: 'image_url', image_url: { url } },
      ],
    },
  ],
  max_tokens: 20,
};
const call = { tools: [{ type: 'function', function: lookAt }], tool_choice: 'required', max_tokens: 60 };
const logProbs = { logprobs: true, top_logprobs: 2 };
const completion = { model, prompt: 'A red', max_tokens: 4, logprobs: 2 };
const content = [
  { type: 'input_text', text },
  { type: 'input_image', image_url: url, detail: 'auto' },
];
const response = { model, input: [{ role: 'user', content }], max_output_tokens: 60 };
const responseLogProbs = { include: ['message.output_text.logprobs'], top_logprobs: 2 };
const responseCall = { tools: [{ type: 'function', strict: true, ...lookAt }], tool_choice: 'required' };
const format = { type: 'json_schema', name: 'place', schema: { ...place, additionalProperties: false } };
const image = { type: 'image', source: { type: 'base64', media_type: pictureType(picture), data } };
const message = { model, messages: [{ role: 'user', content: [image, { type: 'text', text }] }], max_tokens: 20 };
const messageCall = {
  tools: [{ name: 'look_at', input_schema: place }],
  tool_choice: { type: 'any' },
  max_tokens: 60,
};
const ollama = { model, stream: false, options: { num_predict: 20 } };
const ollamaChat = { ...ollama, messages: [{ role: 'user', content: text, images: [data] }] };

/** Which type an answer, or each event of a stream, is of. No body: it is read. */
type Case = readonly [type: string, path: string, body?: object];

const answers: readonly Case[] = [
  ['OpenAI.ChatCompletion', '/v1/chat/completions', { ...chat, ...logProbs, n: 2 }],
  ['OpenAI.ChatCompletion', '/v1/chat/completions', { ...chat, ...call }],
  ['OpenAI.Completion', '/v1/completions', completion],
  ['Response', '/v1/responses', { ...response, ...responseLogProbs }],
  ['Response', '/v1/responses', { ...response, ...responseCall, parallel_tool_calls: false }],
  ['Response', '/v1/responses', { ...response, text: { format }, instructions: 'Be brief.', top_p: 0.9 }],
  ['Response', '/v1/responses', { ...response, max_output_tokens: 16, metadata: { a: 'b' }, truncation: 'auto' }],
  ['OpenAI.CreateEmbeddingResponse', '/v1/embeddings', { model, input: ['a', 'b'] }],
  ['Page<OpenAI.Model>', '/v1/models'],
  ['OpenAI.Model', `/v1/models/${model}`],
  ['Anthropic.Message', '/v1/messages', message],
  ['Anthropic.Message', '/v1/messages', { ...message, ...messageCall }],
  ['Anthropic.MessageTokensCount', '/v1/messages/count_tokens', { model, messages: message.messages }],
  ['Final<ChatResponse>', '/api/chat', ollamaChat],
  ['Final<GenerateResponse>', '/api/generate', { ...ollama, prompt: text, images: [data] }],
  ['Known<EmbedResponse>', '/api/embed', { model, input: ['a', 'b'] }],
  ['Known<ListResponse>', '/api/tags'],
  ['Known<ListResponse>', '/api/ps'],
  ['Known<ShowResponse>', '/api/show', { model }],
];

const streams: readonly Case[] = [
  ['OpenAI.ChatCompletionChunk', '/v1/chat/completions', { ...chat, stream_options: { include_usage: true } }],
  ['OpenAI.ChatCompletionChunk', '/v1/chat/completions', { ...chat, ...call, ...logProbs }],
  ['TextChunk', '/v1/completions', { ...completion, stream_options: { include_usage: true } }],
  ['ResponseStreamEvent', '/v1/responses', { ...response, ...responseLogProbs }],
  ['ResponseStreamEvent', '/v1/responses', { ...response, ...responseCall }],
  ['MessageEvent', '/v1/messages', message],
  ['MessageEvent', '/v1/messages', { ...message, ...messageCall }],
  ['Known<ChatResponse>', '/api/chat', ollamaChat],
  ['Known<GenerateResponse>', '/api/generate', { ...ollama, prompt: text }],
];

const errors: readonly Case[] = [
  ['{ error: OpenAI.ErrorObject }', '/v1/chat/completions', { ...chat, temperature: 9 }],
  ['{ error: OpenAI.ErrorObject }', '/v1/completions', { ...completion, suffix: 'b' }],
  ['{ error: OpenAI.ErrorObject }', '/v1/responses', { ...response, model: 'none' }],
  ['{ error: OpenAI.ErrorObject }', '/v1/embeddings', { model, input: 5 }],
  ['Anthropic.ErrorResponse', '/v1/messages', { ...message, max_tokens: 0 }],
  ['ErrorResponse', '/api/chat', { ...ollamaChat, model: 'none' }],
];

/**
 * The libraries' types, as they come in JSON: without what a library computes, and without its own classes. In some places
 * they say less than OpenAI sends: what is not known yet is null.
 */
const declarations = `
import type Anthropic from '@anthropic-ai/sdk';
import type { ChatResponse, EmbedResponse, ErrorResponse, GenerateResponse, ListResponse, ShowResponse } from 'ollama';
import type OpenAI from 'openai';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';

type Json<T> = T extends Date ? string
  : T extends Map<string, infer V> ? Record<string, V>
  : T extends readonly (infer E)[] ? Json<E>[]
  : T extends object ? { [K in keyof T as K extends 'output_text' ? never : K]: Json<T[K]> | (K extends 'usage' | 'user' ? null : never) }
  : T;
interface Page<T> { object: string; data: T[] }
/** Ollama's types require also what Ollama itself sends only at times. */
type Known<T> = T extends Date ? T
  : T extends Map<string, unknown> ? T
  : T extends readonly (infer E)[] ? Known<E>[]
  : T extends object ? { [K in keyof T]?: Known<T[K]> }
  : T;
type TextChunk = Omit<OpenAI.Completion, 'choices'> & {
  choices: (Omit<OpenAI.CompletionChoice, 'finish_reason'> & { finish_reason: OpenAI.CompletionChoice['finish_reason'] | null })[];
};
/** The library knows the first, and keeps it to itself. */
type MessageEvent = { type: 'ping' } | Anthropic.RawMessageStreamEvent;
type Final<T> = Omit<T, 'context'>;
declare function check<T>(): <const V extends Json<T>>(answer: V) => void;
`;

let home: string;
let vserve: VserveProcess;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'vserve-home-'));
  // Threads that wait for one another take long beside other tests.
  const flags = ['--model', shapesCheckpointDir, '--served-model-name', model, '--embeddings', '--threads', '1'];
  vserve = await startVserve(flags, { VSERVE_HOME: home });
});
afterAll(async () => {
  expect(await vserve.stop('SIGINT')).toBe(0);
  await rm(home, { recursive: true });
  await rm(folder, { recursive: true, force: true });
});

it('answers with every field that the types of the official libraries require, and of these types', async () => {
  const lines: string[] = [];
  for (const [type, path, body] of answers) lines.push(checkOf(type, await answerOf(path, body, 200)));
  for (const [type, path, body] of errors) lines.push(checkOf(type, await answerOf(path, body, 'an error')));
  for (const [type, path, body] of streams) {
    const events = await eventsOf(path, { ...body, stream: true });
    expect(events.length, path).toBeGreaterThan(2);
    lines.push(...events.map((event) => checkOf(type, event)));
  }
  expect(await compilerErrors(`${declarations}\n${lines.join('\n')}\n`)).toEqual([]);
});

it('would find a field that is missing, null or of another type', async () => {
  const wrong = [
    checkOf('OpenAI.Model', '{"id":"a","object":"model","created":1}'),
    checkOf('OpenAI.Model', '{"id":"a","object":"model","created":1,"owned_by":null}'),
    checkOf('OpenAI.Model', '{"id":"a","object":"models","created":1,"owned_by":"b"}'),
    checkOf('Known<ShowResponse>', '{"details":{"format":5}}'),
  ];
  const found = await compilerErrors(`${declarations}\n${wrong.join('\n')}\n`);
  expect(found.filter((line) => line.startsWith('answers.ts'))).toHaveLength(wrong.length);
});

function checkOf(type: string, json: string): string {
  return `check<${type}>()(${json});`;
}

async function answerOf(path: string, body: object | undefined, status: 200 | 'an error'): Promise<string> {
  const answer = await fetch(`${vserve.url}${path}`, requestOf(body));
  const json = await answer.text();
  expect(answer.status === 200 ? 200 : 'an error', `${path}: ${json}`).toBe(status);
  return json;
}

function requestOf(body: object | undefined): RequestInit {
  const headers = { 'content-type': 'application/json' };
  return body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
}

/** The objects of a stream: of server-sent events, or of lines. */
async function eventsOf(path: string, body: object): Promise<string[]> {
  const answer = await fetch(`${vserve.url}${path}`, requestOf(body));
  const lines = (await answer.text()).split('\n').map((line) => line.replace(/^data: /, ''));
  expect(answer.status, `${path}: ${lines.join('\n')}`).toBe(200);
  return lines.filter((line) => line.startsWith('{'));
}

/** What the compiler says of a program. */
async function compilerErrors(program: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'answers.ts'), program);
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['answers.ts'] }));
  const compiler = join(repository, 'node_modules/typescript/bin/tsc');
  const ran = await promisify(execFile)(process.execPath, [compiler, '--pretty', 'false', '-p', folder], {
    cwd: folder,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => error as { readonly stdout: string });
  return ran.stdout.split('\n').filter((line) => line !== '');
}
