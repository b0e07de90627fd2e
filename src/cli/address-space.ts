import { readFile } from 'node:fs/promises';
import { formatBytes } from './printable.ts';
import type { Output } from './output.ts';

/** Each WebAssembly memory reserves 10 GB of addresses, and there are several. */
const ENOUGH_BYTES = 256 * 1024 ** 3;

export interface AddressSpaceLimit {
  readonly detail: string;
  readonly advice: string;
}

/**
 * A limit of the address space (`ulimit -v`), undefined if there is none that matters: Node ends in the middle of anything
 * when it cannot reserve addresses, however little memory it uses. `limits` is the file with those of the process.
 */
export async function addressSpaceLimit(limits = '/proc/self/limits'): Promise<AddressSpaceLimit | undefined> {
  const lines = await readFile(limits, 'utf8').catch(() => '');
  const bytes = Number(/^Max address space +(\d+)/m.exec(lines)?.[1] ?? Infinity);
  if (bytes >= ENOUGH_BYTES) return undefined;
  return {
    detail: `the address space is limited to ${formatBytes(bytes)} (ulimit -v), and Node reserves far more than it uses`,
    advice: 'Run ulimit -v unlimited first. What limits memory is a control group.',
  };
}

/** Before anything is loaded: afterwards there may be no way to tell. */
export async function warnOfAddressSpace(output: Output): Promise<void> {
  const limit = await addressSpaceLimit();
  if (limit === undefined) return;
  output.log('warning', `This process may end at any moment: ${limit.detail}. ${limit.advice}`);
}
