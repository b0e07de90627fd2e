import { ApiKeys } from './api-keys.ts';
import type { ServerSettings } from './server-settings.ts';
import { readCertificate } from './tls-files.ts';

/**
 * Checks the files of API keys and certificates: meant to be called before a model is loaded. Throws `invalid_setting`.
 */
export async function checkAccess(settings: ServerSettings): Promise<void> {
  await ApiKeys.load(settings, silent);
  if (settings.tls !== undefined) await readCertificate(settings.tls, silent);
}

/** What they warn about is told when the server opens. */
function silent(): void {}
