/** What we read of the chunks of upstreams. Nothing in them is certain. */
export interface ChunkJson {
  readonly choices?: readonly ChoiceJson[] | null;
  readonly usage?: UsageJson | null;
  readonly error?: unknown;
  /** llama-server's. */
  readonly prompt_progress?: ProgressJson | null;
}

export interface ChoiceJson {
  readonly index?: number;
  readonly delta?: DeltaJson | null;
  /** Of text completions. */
  readonly text?: string | null;
  readonly logprobs?: LogProbsJson | null;
  readonly finish_reason?: string | null;
  /** vLLM's, and SGLang's. */
  readonly stop_reason?: string | number | null;
  readonly matched_stop?: string | number | null;
}

export interface DeltaJson {
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  /** vLLM's new name of it. */
  readonly reasoning?: string | null;
  readonly tool_calls?: readonly ToolCallJson[] | null;
}

export interface ToolCallJson {
  readonly index?: number;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: string | null } | null;
}

export interface UsageJson {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number; readonly image_tokens?: number } | null;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number } | null;
}

export interface ProgressJson {
  readonly total?: number;
  readonly cache?: number;
  readonly processed?: number;
  readonly time_ms?: number;
}

/** Of chat completions, in `content`; of text completions, in lists. */
export interface LogProbsJson {
  readonly content?: readonly TokenJson[] | null;
  readonly tokens?: readonly string[] | null;
  readonly token_logprobs?: readonly (number | null)[] | null;
  readonly top_logprobs?: readonly (Readonly<Record<string, number>> | null)[] | null;
}

export interface TokenJson {
  readonly id?: number;
  readonly token?: string;
  readonly bytes?: readonly number[] | null;
  readonly logprob?: number;
  readonly top_logprobs?: readonly TokenJson[] | null;
}
