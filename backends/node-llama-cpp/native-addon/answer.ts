/** A piece of an answer: of its text, of its thoughts, or of a tool call's arguments. */
export interface AnswerPiece {
  readonly kind: 'text' | 'thought' | 'call';
  readonly text: string;
  /** Index of the call. */
  readonly call: number;
  /** What a call begins with; empty in its further pieces. */
  readonly callId: string;
  readonly callName: string;
}

/** How an answer is read, and what was read in one. */
export interface ReadAnswer {
  /** What the prompt has of the answer's turn. */
  readonly opening: string;
  readonly isThinking: boolean;
  /** GBNF of the calls; empty where nothing is ruled out. */
  readonly grammar: string;
  /** It holds from a trigger on. */
  readonly grammarWaits: boolean;
  readonly triggerWords: readonly string[];
  readonly triggerPatterns: readonly string[];
  /** For each piece of the answer, and for its end. Empty where the answer is nothing but text. */
  readonly read: readonly (readonly AnswerPiece[])[];
}

/** A run of a rendered conversation: text of one origin, or an image. */
export interface RenderedRun {
  readonly text: string;
  /** True if it came with the request, false if the template wrote it. */
  readonly fromUser: boolean;
  /** Index of the image, which has no text; -1 for text. */
  readonly image: number;
}
