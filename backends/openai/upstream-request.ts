import type { Capabilities, GenerateRequest } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { affinityKey } from './balance/affinity-key.ts';
import type { Dialect } from './dialect.ts';
import type { ImageUris } from './images/image-uris.ts';
import { chatBody, chatFields } from './request/chat-body.ts';
import { completionFields } from './request/completion-body.ts';
import type { ImagePart, UrlOf } from './request/message-json.ts';
import { messagesJson } from './request/message-json.ts';
import type { Upstream } from './upstream.ts';

/** A request as it is sent. */
export interface SentRequest {
  readonly path: string;
  readonly body: string;
  /** What the upstream repeats of the conversation at the head of its answer. */
  readonly repeated: string;
  /** Stop strings that the upstream leaves in its answer. */
  readonly cutAt: readonly string[];
}

/** A generation in the words of each upstream. */
export class UpstreamRequest {
  readonly #request: GenerateRequest;
  readonly #fields = new Map<Dialect, Readonly<Record<string, unknown>> | VserveError>();
  readonly #needs: readonly Need[];
  #urls: Promise<UrlOf> | undefined;

  constructor(request: GenerateRequest) {
    this.#request = request;
    this.#needs = needsOf(request);
  }

  get affinityKey(): string {
    return affinityKey(this.#request);
  }

  /** Whether an upstream can be asked for all of it. */
  suits({ description }: Upstream): boolean {
    if (description === undefined || this.#lackOf(description.capabilities) !== undefined) return false;
    return !(this.#fieldsFor(description.dialect) instanceof VserveError);
  }

  /** What it needs and an upstream has not. */
  #lackOf(capabilities: Capabilities): string | undefined {
    return this.#needs.find((need) => capabilities[need] !== true);
  }

  /** Throws `unsupported_capability` if it suits none of the upstreams. */
  requireSuited(upstreams: readonly Upstream[]): void {
    const known = upstreams.filter(({ description }) => description !== undefined);
    if (known.length === 0 || known.some((upstream) => this.suits(upstream))) return;
    const [refusal] = known
      .map(({ description }) => description && this.#fieldsFor(description.dialect))
      .filter((fields) => fields instanceof VserveError);
    if (refusal !== undefined) throw refusal;
    const needs = this.#needs.join(', ');
    throw new VserveError('unsupported_capability', `No server behind this one has all that is asked for: ${needs}.`);
  }

  async for({ description }: Upstream, images: ImageUris): Promise<SentRequest> {
    if (description === undefined) throw new TypeError('The upstream has not told what it is.');
    const { dialect, model, capabilities } = description;
    const fields = this.#fieldsFor(dialect);
    if (fields instanceof VserveError) throw fields;
    const { messages, prompt, template, stop } = this.#request;
    const cutAt = dialect === 'max' ? stop : [];
    if (prompt !== undefined) {
      const body = JSON.stringify({ model, ...fields, ...countFields(dialect, false) });
      return { path: '/v1/completions', body, repeated: '', cutAt };
    }
    const urlOf = await (this.#urls ??= urlsOf(this.#request, images));
    const repeats = template.continueFinalMessage && dialect === 'llama-server';
    const last = messages.at(-1)?.content ?? [];
    return {
      path: '/v1/chat/completions',
      body: chatBody(
        { messages },
        { fields: { ...fields, ...countFields(dialect, capabilities.progress === true) }, model, dialect, urlOf },
      ),
      repeated: repeats ? last.map((part) => (part.type === 'text' ? part.text : '')).join('') : '',
      cutAt,
    };
  }

  /** Path in our request → the client's own. */
  paramOf(path: string): string | undefined {
    const [, message, part] = /^messages\[(\d+)\]\.content\[(\d+)\]/.exec(path) ?? [];
    const found = this.#request.messages[Number(message)]?.content[Number(part)];
    return found?.type === 'image' ? (found.param ?? path) : path;
  }

  #fieldsFor(dialect: Dialect): Readonly<Record<string, unknown>> | VserveError {
    const known = this.#fields.get(dialect);
    if (known !== undefined) return known;
    const fields = orRefusal(() => {
      if (this.#request.prompt !== undefined) return completionFields(this.#request, dialect);
      // For what an image asks.
      messagesJson(this.#request.messages, dialect, () => '');
      return chatFields(this.#request, dialect);
    });
    this.#fields.set(dialect, fields);
    return fields;
  }
}

/** Asks for the number of prompt tokens before the answer, where an upstream tells it at all. */
function countFields(dialect: Dialect, hasProgress: boolean): object {
  if (hasProgress && (dialect === 'vserve' || dialect === 'llama-server')) return { return_progress: true };
  if (dialect !== 'vserve' && dialect !== 'vllm') return {};
  return { stream_options: { include_usage: true, continuous_usage_stats: true } };
}

type Need = Exclude<keyof Capabilities, 'maxChoices' | 'samplers'>;

/** The capabilities that upstreams have or lack, whatever their dialect. */
function needsOf(request: GenerateRequest): Need[] {
  const { messages, prompt, tools, format, logProbs, reportProgress } = request;
  const needs: Partial<Record<Need, boolean>> = {
    vision: messages.some(({ content }) => content.some(({ type }) => type === 'image')),
    rawPrompts: prompt !== undefined,
    tools: tools !== undefined && tools.choice !== 'none',
    structuredOutput: format.type !== 'text',
    logProbs: logProbs !== undefined,
    progress: reportProgress,
  };
  return (Object.keys(needs) as Need[]).filter((need) => needs[need] === true);
}

function orRefusal<T>(make: () => T): T | VserveError {
  try {
    return make();
  } catch (error) {
    if (error instanceof VserveError) return error;
    throw error;
  }
}

/** The URLs of all images of a request, made together. */
export async function urlsOf(
  { messages, cacheSalt }: Pick<GenerateRequest, 'messages' | 'cacheSalt'>,
  images: ImageUris,
): Promise<UrlOf> {
  const parts = messages.flatMap(({ content }) => content.filter((part) => part.type === 'image'));
  const entries = await Promise.all(
    parts.map(async (part) => [part, await images.of(part.image, part.budget, cacheSalt)] as const),
  );
  const urls = new Map<ImagePart, string>(entries);
  return (part) => urls.get(part) ?? '';
}
