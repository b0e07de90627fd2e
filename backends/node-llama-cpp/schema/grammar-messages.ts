import type { CompiledFormat, GrammarSource } from './answer-source.ts';

/** The formats of a request, compiled one after the other. They have no `param`: places are told relative to the format. */
export type GrammarTask = readonly CompiledFormat[];

/** What is wrong with a format: `place` follows the format's `param`. */
export interface FormatFault {
  readonly index: number;
  readonly place: string;
  readonly message: string;
}

export type GrammarResult = { readonly sources: readonly GrammarSource[] } | { readonly fault: FormatFault };

/** What a grammar thread answers. */
export type GrammarReply = GrammarResult | { readonly defect: string };
