/** What the texts begin with. Those of others, which only their makers can read, do not. */
const MARK = 'vserve1.';

/**
 * The opaque text that brings a reasoning back to a server that stores nothing. It hides nothing: the model is the
 * client's own, and its reasoning is shown.
 */
export function sealed(reasoning: string): string {
  return MARK + Buffer.from(reasoning).toString('base64url');
}

/** The reasoning in such a text; undefined if it is another server's. */
export function unsealed(text: string): string | undefined {
  return text.startsWith(MARK) ? Buffer.from(text.slice(MARK.length), 'base64url').toString() : undefined;
}
