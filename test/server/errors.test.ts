import type OpenAI from 'openai';
import { BadRequestError, InternalServerError, NotFoundError, RateLimitError } from 'openai';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors/index.ts';
import { errorCodes, VserveError } from '../../src/errors/index.ts';
import { chatBody, send } from './support/http.ts';
import { modelName, serve } from './support/serve.ts';

/** What a client sees of a generation that fails with `error`. */
async function failWith(error: unknown) {
  const server = await serve({
    beforeStart() {
      throw error;
    },
  });
  const answer = await send(`${server.url}/v1/chat/completions`, { method: 'POST', body: chatBody('hi') });
  expect(server.model.stats()).toEqual({ sequencesRunning: 0, sequencesQueued: 0 });
  return { ...answer, json: JSON.parse(answer.text) as unknown, log: server.log.join('\n') };
}

describe('an error', () => {
  it.each<[ErrorCode, number, string]>([
    ['invalid_request', 400, 'invalid_request_error'],
    ['context_length_exceeded', 400, 'exceed_context_size_error'],
    ['model_not_found', 404, 'not_found_error'],
    ['request_too_large', 413, 'invalid_request_error'],
    ['at_capacity', 429, 'rate_limit_error'],
    ['generation_failed', 500, 'api_error'],
    ['shutting_down', 503, 'api_error'],
  ])('%s is a %i %s', async (code, status, type) => {
    const answer = await failWith(new VserveError(code, 'What was wrong.', { param: 'messages' }));
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['retry-after']).toBe(status === 429 ? '1' : undefined);
    expect(answer.json).toEqual({ error: { code, message: 'What was wrong.', param: 'messages', type } });
    expect(answer.log).toMatch(
      new RegExp(`^${status >= 500 ? 'warning' : 'info'} .* ${status} .* ms ${code} messages: What was wrong\\.$`),
    );
  });

  it.each(['messages must not be empty.', 'messages: an object is not supported.'])(
    'names the field once in the log: %s',
    async (message) => {
      const { log } = await failWith(new VserveError('invalid_request', message, { param: 'messages' }));
      expect(log).toMatch(/ ms invalid_request: messages[ :]/);
      expect(log.match(/messages/g)).toHaveLength(1);
    },
  );

  it('has a status that an answer can have, whatever its code', async () => {
    for (const [code, { status }] of Object.entries(errorCodes)) {
      expect((await failWith(new VserveError(code as ErrorCode, 'No.'))).status).toBe(status);
    }
  });

  it.each([
    ['an Error', new TypeError('secret of /home/user')],
    ['a text', 'secret'],
    ['an object', { secret: 1 }],
    ['nothing', undefined],
  ])('that is not ours, %s, is told to nobody but the log', async (_, error) => {
    const { status, json, text, log } = await failWith(error);
    expect(status).toBe(500);
    expect(json).toMatchObject({ error: { code: 'internal_error', param: null, type: 'api_error' } });
    expect(text).not.toContain('secret');
    expect(log).toMatch(/^warning .* 500 .* ms \n\w*Error: .*\n +at /);
    if (error instanceof Error) expect(log).toContain('TypeError: secret of /home/user');
  });
});

/** What OpenAI's client throws. */
async function thrown(fields: object, hooks = {}): Promise<unknown> {
  const { client } = await serve(hooks);
  const body = { model: modelName, messages: [{ role: 'user', content: 'hi' }], ...fields };
  return client.chat.completions.create(body as OpenAI.ChatCompletionCreateParamsNonStreaming).then(
    () => 'no error',
    (error: unknown) => error,
  );
}

describe("OpenAI's client", () => {
  it('throws BadRequestError for a field out of range', async () => {
    const error = await thrown({ temperature: 3 });
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: 'temperature',
      type: 'invalid_request_error',
      message: '400 temperature must be a number from 0 to 2, not 3.',
    });
  });

  it('throws BadRequestError for a field that is not supported', async () => {
    expect(await thrown({ n: 2 })).toMatchObject({ status: 400, code: 'unsupported_capability', param: 'n' });
  });

  it('throws NotFoundError for another model, which it names', async () => {
    const error = await thrown({ model: 'gpt-4o' });
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'not_found_error' });
    expect((error as Error).message).toContain('"gpt-4o"');
    expect((error as Error).message).toContain(modelName);
  });

  it('throws RateLimitError, streaming or not', async () => {
    const hooks = {
      beforeStart() {
        throw new VserveError('at_capacity', 'Later.');
      },
    };
    for (const stream of [false, true]) {
      const error = await thrown({ stream }, hooks);
      expect(error).toBeInstanceOf(RateLimitError);
      expect(error).toMatchObject({ code: 'at_capacity', type: 'rate_limit_error' });
    }
  });

  it('throws InternalServerError for a defect', async () => {
    const hooks = {
      beforeStart() {
        throw new Error('secret');
      },
    };
    expect(await thrown({}, hooks)).toBeInstanceOf(InternalServerError);
  });
});
