/** The files of a conversation, as far as space is concerned. */
export interface FileUse {
  readonly conversationId: string;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  readonly sizeBytes: number;
}

/** What the files of all conversations may take. */
export const MAX_FILE_BYTES = 200 * 1024 * 1024;
/** How many conversations are kept. */
export const MAX_CONVERSATIONS = 200;

/**
 * The conversations whose files must go so that the rest fits: those that were left alone longest. The files of the latest
 * stay, however large.
 */
export function conversationsToStrip(uses: readonly FileUse[], maxBytes = MAX_FILE_BYTES): readonly string[] {
  const latestFirst = uses.toSorted((a, b) => b.updatedAt - a.updatedAt);
  let bytes = 0;
  return latestFirst
    .filter(({ sizeBytes }, index) => {
      bytes += sizeBytes;
      return index > 0 && bytes > maxBytes;
    })
    .map(({ conversationId }) => conversationId);
}
