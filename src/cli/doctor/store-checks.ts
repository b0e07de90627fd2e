import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../../errors/index.ts';
import type { HubAccess } from '../../store/index.ts';
import { listModels } from '../../store/index.ts';
import { formatBytes } from '../printable.ts';
import { version } from '../version.ts';
import type { Finding } from './check.ts';
import { fail, ok, warn } from './check.ts';

const LEAST_DISK_BYTES = 10e9;

/** Whether the store can be written, and what is in it. */
export async function checkStore(home: string): Promise<Finding> {
  const folder = await existing(home);
  try {
    await access(folder, constants.R_OK | constants.W_OK);
  } catch (error) {
    const reason = systemErrorCode(error) ?? 'unknown';
    return fail(`${home} cannot be written (${reason})`, 'Set VSERVE_HOME to a folder that you can write.');
  }
  if (folder !== home) return ok(`${home} (empty)`);
  const stored = await listModels(home);
  const models = stored.filter(({ type }) => type !== 'adapter');
  const bytes = stored.reduce((sum, model) => sum + model.bytes, 0);
  return ok(`${home}: ${models.length === 1 ? '1 model' : `${String(models.length)} models`}, ${formatBytes(bytes)}`);
}

/** The disk of the store. */
export async function checkDisk(home: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await existing(home));
  const detail = `${formatBytes(bavail * bsize)} free`;
  if (bavail * bsize >= LEAST_DISK_BYTES) return ok(detail);
  return warn(detail, 'vserve gc and vserve rm free space; VSERVE_HOME names a folder on another disk.');
}

/** The Hub, and the token for it. */
export async function checkAccessToHub(hub: HubAccess, signal: AbortSignal): Promise<readonly [Finding, Finding]> {
  const settings = await hub.settings();
  const { token, endpoint, offline } = settings;
  const none = ok('none: enough for models that are not gated (HF_TOKEN)');
  if (offline) return [token === undefined ? none : ok(`from ${token.origin}`), ok('not asked: HF_HUB_OFFLINE is set')];
  const { checkHub } = await import('../../hub/check-hub.ts');
  const { unreachable, account } = await checkHub(settings, `vserve/${version}`, signal);
  if (unreachable !== undefined) {
    const advice = 'Check the network, HF_ENDPOINT and the proxy variables. Models on this machine work without.';
    const asIs = token === undefined ? none : ok(`from ${token.origin}, not checked`);
    return [asIs, warn(`${endpoint} cannot be reached: ${unreachable}`, advice)];
  }
  if (token === undefined) return [none, ok(endpoint)];
  if (account !== undefined) return [ok(`of ${account}, from ${token.origin}`), ok(endpoint)];
  const advice = 'Make another at https://huggingface.co/settings/tokens.';
  return [warn(`the one from ${token.origin} is not valid`, advice), ok(endpoint)];
}

/** The folder itself, or the first of its parents that is there. */
async function existing(folder: string): Promise<string> {
  try {
    await access(folder);
    return folder;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || dirname(folder) === folder) return folder;
    return existing(dirname(folder));
  }
}
