import { signal } from '@preact/signals';
import type { Turn } from '../requests/conversation.ts';
import type { Settings } from '../requests/settings.ts';

/** The answer whose request is shown as code. */
export const shownCode = signal<
  { readonly turn: Turn; readonly column: number; readonly settings: Settings } | undefined
>(undefined);
