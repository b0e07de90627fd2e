import type { NativeAddon } from './native-addon.ts';

/** Often enough that what gathers meanwhile is some megabytes, and seldom enough that the milliseconds are nothing. */
const EVERY_MS = 5 * 60_000;

let timer: NodeJS.Timeout | undefined;

/**
 * From now on, gives the system what malloc keeps of freed memory, every few minutes: the size of a server stays what it uses.
 * Further calls do nothing. Does not keep the process alive.
 */
export function keepReturningMemory(addon: Pick<NativeAddon, 'returnFreeMemory'>): void {
  timer ??= setInterval(() => void addon.returnFreeMemory(), EVERY_MS).unref();
}
