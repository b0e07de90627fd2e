import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';

/** As the server's own limit of an image. */
const MAX_BYTES = 100 * 1024 * 1024;

/**
 * The bytes of an http or https address, which a person has named, or of a data URL. Throws `invalid_setting`; after an
 * abort, the signal's reason.
 */
export async function downloadPicture(url: string, signal: AbortSignal): Promise<Buffer> {
  const name = /^data:/i.test(url) ? 'The data URL of the image' : `The image ${url}`;
  const response = await fetch(url, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    const { cause = error } = error as Error;
    throw refused(`${name} cannot be fetched: ${systemErrorCode(cause) ?? messageOf(cause)}.`, error);
  });
  if (!response.ok) throw refused(`${name} cannot be fetched: its server answers with status ${response.status}.`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw refused(`${name} has more than ${MAX_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refused(message: string, cause?: unknown): VserveError {
  return new VserveError('invalid_setting', message, { cause, param: 'image' });
}
