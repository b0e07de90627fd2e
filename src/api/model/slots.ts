/** A request that is being computed. */
export interface RunningRequest {
  /** Of all requests of this server, in their order. */
  readonly number: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Whether its prompt is done. */
  readonly isPrefilled: boolean;
  readonly completionTokens: number;
  /** Undefined without a limit. */
  readonly maxTokens: number | undefined;
}

/** llama-server's slot. An idle one has no numbers of a request. */
export interface SlotJson {
  readonly id: number;
  readonly n_ctx: number;
  readonly speculative: false;
  readonly is_processing: boolean;
  readonly id_task?: number;
  readonly n_prompt_tokens?: number;
  readonly n_prompt_tokens_processed?: number;
  readonly n_prompt_tokens_cache?: number;
  readonly next_token: readonly {
    readonly has_next_token: boolean;
    /** -1 without a limit. */
    readonly n_remain: number;
    readonly n_decoded: number;
  }[];
}

/** The slots of a server, the running requests in the places they hold; undefined for a free one. */
export function slotsJson(places: readonly (RunningRequest | undefined)[], contextLength: number): SlotJson[] {
  return places.map((request, id) => ({ id, n_ctx: contextLength, speculative: false, ...stateOf(request) }));
}

function stateOf(request: RunningRequest | undefined): Omit<SlotJson, 'id' | 'n_ctx' | 'speculative'> {
  if (request === undefined) {
    return { is_processing: false, next_token: [{ has_next_token: false, n_remain: -1, n_decoded: 0 }] };
  }
  const { number, promptTokens, cachedTokens, isPrefilled, completionTokens, maxTokens } = request;
  return {
    is_processing: true,
    id_task: number,
    n_prompt_tokens: promptTokens,
    n_prompt_tokens_processed: isPrefilled ? promptTokens - cachedTokens : 0,
    n_prompt_tokens_cache: cachedTokens,
    next_token: [
      {
        has_next_token: true,
        n_remain: maxTokens === undefined ? -1 : Math.max(0, maxTokens - completionTokens),
        n_decoded: completionTokens,
      },
    ],
  };
}
