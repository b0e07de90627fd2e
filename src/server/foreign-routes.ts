/** Routes of other servers that clients ask for, by how their paths begin, and what to do instead. */
const ADVICE: readonly { readonly path: RegExp; readonly advice: string }[] = [
  {
    path: /^\/infill$/,
    advice: "Nothing is filled in here: write the prompt with the model's own tokens, and send it to POST /completion.",
  },
  {
    path: /^\/(?:v1\/|v2\/)?(?:rerank|reranking|score)$/,
    advice: 'Nothing is ranked here: compare the vectors of POST /v1/embeddings.',
  },
  { path: /^\/embedding$/, advice: 'Embeddings are at POST /v1/embeddings.' },
  {
    path: /^\/metrics$/,
    advice: 'Metrics are on a port of their own: --metrics-endpoint-port (MAX_SERVE_METRICS_ENDPOINT_PORT).',
  },
  {
    path: /^\/lora-adapters$|^\/v1\/(?:un)?load_lora_adapter$/,
    advice: 'Adapters are not supported: merge them into the model.',
  },
  { path: /^\/slots\/\d+$/, advice: 'Slots are not saved or restored: prefixes are cached by themselves.' },
  {
    path: /^\/(?:v1\/)?(?:audio|images|uploads|batches|fine_tuning|assistants|threads|vector_stores|realtime)(?:\/|$)/,
    advice: 'This server generates text and embeddings only. Chat completions are at POST /v1/chat/completions.',
  },
];

/** What to do in place of asking for a route that another server has; undefined for an unknown one. */
export function foreignRouteAdvice(path: string): string | undefined {
  return ADVICE.find((route) => route.path.test(path))?.advice;
}
