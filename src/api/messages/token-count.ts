/** The answer to a request for the number of its tokens. */
export function tokenCountJson(tokens: number): { readonly input_tokens: number } {
  return { input_tokens: tokens };
}
