import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { clientPathOf, keyIdOf, keyOf } from './client-path.ts';

/**
 * Whose things a request may see. Clients with the same key are one: the key that was checked where the server has keys, else
 * the one they send.
 */
export function ownerOf(request: IncomingMessage): string {
  const checked = keyIdOf(clientPathOf(request));
  if (checked !== undefined) return checked;
  const sent = keyOf(request.headers).replace(/^bearer\s+/i, '');
  return createHash('sha256').update(sent).digest('base64url');
}
