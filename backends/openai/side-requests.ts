import { IMAGE_MARKER } from '../../src/backend/index.ts';
import type {
  ContentPart,
  EmbedRequest,
  Embedding,
  PromptRequest,
  TextToken,
  TokenizeOptions,
} from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { Dialect } from './dialect.ts';
import { having, isIn } from './dialect.ts';
import { blankUri } from './images/image-uri.ts';
import { promptFields } from './request/chat-body.ts';
import { promptJson } from './request/completion-body.ts';
import type { UrlOf } from './request/message-json.ts';
import { messagesJson } from './request/message-json.ts';
import { responseFailure } from './response/error-response.ts';
import type { Upstream } from './upstream.ts';
import type { UpstreamDescription } from './upstream-description.ts';
import { connectionFailure, malformed, UpstreamFailure } from './upstream-failure.ts';
import type { UpstreamGroup } from './upstream-group.ts';

/** llama-server's marker of an image. */
const MEDIA_MARKER = '<__media__>';
const { llamaLike } = having;
const { signal: never } = new AbortController();

interface Question {
  /** For an error: what the upstreams lack. */
  readonly what: string;
  readonly of: readonly Dialect[];
  readonly ask: (upstream: UpstreamDescription) => { readonly path: string; readonly body: object };
}

/** What upstreams are asked besides generations. None of it changes anything: it may be asked twice. */
export class SideRequests {
  readonly #group: UpstreamGroup;

  constructor(group: UpstreamGroup) {
    this.#group = group;
  }

  /** Tokens of a prompt. Images are counted by blank ones of their sizes. */
  async countPrompt(request: PromptRequest, signal: AbortSignal): Promise<number> {
    if (request.prompt !== undefined) return this.#countRaw(request.prompt, signal);
    const urlOf = await blankUrls(request);
    const body = await this.#ask(
      {
        what: 'count the tokens of a conversation',
        of: ['vllm', ...llamaLike],
        ask: ({ dialect, model }) => ({
          path: dialect === 'vllm' ? '/tokenize' : '/v1/chat/completions/input_tokens',
          body: { model, messages: messagesJson(request.messages, dialect, urlOf), ...countFields(request, dialect) },
        }),
      },
      signal,
    );
    const { input_tokens: tokens, count = tokens } = body as { input_tokens?: unknown; count?: unknown };
    if (typeof count !== 'number') throw malformed('a count without its number', '').error;
    return count;
  }

  /** The text of a prompt, with a marker for each image. */
  async renderPrompt(request: PromptRequest, signal: AbortSignal): Promise<string> {
    const body = await this.#ask(
      {
        what: 'tell the text of a prompt',
        of: llamaLike,
        ask: ({ dialect, model }) => ({
          path: '/apply-template',
          body: {
            model,
            messages: messagesJson(request.messages, dialect, () => BLANK),
            ...promptFields(request, dialect),
          },
        }),
      },
      signal,
    );
    return textOf(body, 'prompt').replaceAll(MEDIA_MARKER, IMAGE_MARKER);
  }

  async tokenize(text: string, { addSpecial, parseSpecial }: TokenizeOptions): Promise<readonly TextToken[]> {
    const { tokens } = (await this.#ask({
      what: 'tell the tokens of a text',
      of: llamaLike,
      ask: ({ dialect, model }) => ({
        path: '/tokenize',
        body: {
          ...modelField(dialect, model),
          content: text,
          add_special: addSpecial,
          parse_special: parseSpecial,
          with_pieces: true,
        },
      }),
    })) as { readonly tokens?: readonly { readonly id: number; readonly piece: string | readonly number[] }[] };
    return (tokens ?? []).map(({ id, piece }) => ({
      id,
      bytes: typeof piece === 'string' ? new TextEncoder().encode(piece) : Uint8Array.from(piece),
    }));
  }

  async detokenize(tokens: readonly number[]): Promise<string> {
    const body = await this.#ask({
      what: 'tell the text of tokens',
      of: ['vllm', ...llamaLike],
      ask: ({ dialect, model }) => ({ path: '/detokenize', body: { ...modelField(dialect, model), tokens } }),
    });
    const { content, prompt = content } = body as { content?: unknown; prompt?: unknown };
    return textOf({ prompt }, 'prompt');
  }

  async embed({ input, cacheSalt }: EmbedRequest, signal: AbortSignal): Promise<Embedding> {
    const body = await this.#ask(
      {
        what: 'compute embeddings',
        of: having.all,
        ask: ({ dialect, model }) => ({
          path: '/v1/embeddings',
          body: {
            model,
            input: promptJson(input, dialect),
            encoding_format: 'float',
            ...(cacheSalt === '' || dialect !== 'vserve' ? {} : { cache_salt: cacheSalt }),
          },
        }),
      },
      signal,
      ({ capabilities }) => capabilities.embeddings === true,
    );
    const { data, usage } = body as { data?: { embedding?: number[] }[]; usage?: { prompt_tokens?: number } };
    const vector = data?.[0]?.embedding;
    if (vector === undefined) throw malformed('an embedding without its vector', '').error;
    return { vector: unit(Float32Array.from(vector)), promptTokens: usage?.prompt_tokens ?? 0 };
  }

  async #countRaw(prompt: NonNullable<PromptRequest['prompt']>, signal: AbortSignal): Promise<number> {
    const body = await this.#ask(
      {
        what: 'count the tokens of a prompt',
        of: llamaLike,
        ask: ({ dialect, model }) => ({
          path: '/tokenize',
          body: { ...modelField(dialect, model), content: promptJson(prompt, dialect), add_special: true },
        }),
      },
      signal,
    );
    return (body as { tokens?: readonly unknown[] }).tokens?.length ?? 0;
  }

  async #ask(
    { what, of, ask }: Question,
    signal: AbortSignal = never,
    can: (upstream: UpstreamDescription) => boolean = () => true,
  ): Promise<object> {
    const suits = ({ description }: Upstream): boolean =>
      description !== undefined && isIn(of, description.dialect) && can(description);
    if (!this.#group.all.some(suits)) {
      throw new VserveError('unsupported_capability', `No server behind this one can ${what}.`);
    }
    const excluded = new Set<Upstream>();
    let last: VserveError | undefined;
    for (;;) {
      const use = await this.#group.take({ key: '', suits }, excluded, signal).catch((error: unknown) => {
        throw signal.aborted ? error : (last ?? error);
      });
      const { upstream, outcome } = use;
      try {
        const { description } = upstream;
        if (description === undefined) throw new TypeError('The upstream has not told what it is.');
        const answer = await this.#answerOf(upstream, ask(description), signal);
        outcome.succeeded();
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof UpstreamFailure)) throw error;
        upstream.countFailure(error.reason);
        if (error.isFault) outcome.failed();
        else outcome.succeeded();
        if (error.reason === 'refused') throw error.error;
        last = error.error;
        excluded.add(upstream);
      } finally {
        use.release();
      }
    }
  }

  async #answerOf(
    { id, client }: Upstream,
    { path, body }: { readonly path: string; readonly body: object },
    signal: AbortSignal,
  ): Promise<object> {
    const answer = await client.ask('POST', path, signal, body).catch((cause: unknown) => {
      throw connectionFailure(cause, { isSent: false, upstream: id });
    });
    if (answer.status !== 200) throw responseFailure(answer, { upstream: id, paramOf: (name) => name });
    if (typeof answer.body !== 'object' || answer.body === null) throw malformed('no JSON object', id);
    return answer.body;
  }
}

/** A picture of one pixel. */
const BLANK =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC';

/** vLLM's `/tokenize` knows no formats. */
function countFields(request: PromptRequest, dialect: Dialect): object {
  if (dialect !== 'vllm') return promptFields(request, dialect);
  const {
    tool_choice: _,
    parallel_tool_calls: __,
    ...fields
  } = promptFields({ ...request, format: { type: 'text' } }, dialect);
  return fields;
}

/** llama-server's own routes know no models. */
function modelField(dialect: Dialect, model: string): object {
  return dialect === 'llama-server' ? {} : { model };
}

async function blankUrls({ messages }: PromptRequest): Promise<UrlOf> {
  const parts = messages.flatMap(({ content }) => content.filter((part) => part.type === 'image'));
  const urls = new Map<ContentPart, string>();
  for (const part of parts) urls.set(part, part.image.url ?? (await blankUri(part.image.width, part.image.height)));
  return (part) => urls.get(part) ?? BLANK;
}

function textOf(body: object, name: string): string {
  const text = (body as Readonly<Record<string, unknown>>)[name];
  if (typeof text !== 'string') throw malformed(`no ${name}`, '').error;
  return text;
}

/** Of a vector of unit length. */
const ROUNDING = 1e-3;

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 || Math.abs(length - 1) < ROUNDING ? vector : vector.map((value) => value / length);
}
