import type { Bitmap } from './bitmap.ts';

export type ContentPart =
  { readonly type: 'text'; readonly text: string } | { readonly type: 'image'; readonly image: Bitmap };

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: readonly ContentPart[];
}
