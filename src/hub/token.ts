import { readFile } from 'node:fs/promises';
import { fileFault, systemErrorCode, VserveError } from '../errors/index.ts';
import type { HubToken } from './hub-settings.ts';

/**
 * The token to use: `HF_TOKEN`, else the file that `hf auth login` writes, else none. Throws `invalid_setting` for a file
 * that cannot be read and for a token with characters that no header can carry.
 */
export async function findToken(value: string | undefined, file: string): Promise<HubToken | undefined> {
  if (value !== undefined && value.trim() !== '') return checked(value.trim(), 'HF_TOKEN');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause) ?? '')) return '';
    throw new VserveError('invalid_setting', `The token file ${file} cannot be read: ${fileFault(cause)}`, { cause });
  });
  return text.trim() === '' ? undefined : checked(text.trim(), file);
}

function checked(value: string, origin: string): HubToken {
  if (/^[\x21-\x7e]+$/.test(value)) return { value, origin };
  throw new VserveError(
    'invalid_setting',
    `The token from ${origin} contains invalid characters. Copy it again from https://huggingface.co/settings/tokens.`,
  );
}
