/** A token, with its logit before penalties and the like. */
export interface TokenLogit {
  readonly token: number;
  readonly logit: number;
  /** As a string of characters below 256. */
  readonly bytes: string;
}

/** A token that was chosen, and the likeliest in its place, the likeliest first. */
export interface TokenReport extends TokenLogit {
  /** A token's logit less this is the logarithm of its probability. */
  readonly logSum: number;
  readonly likeliest: readonly TokenLogit[];
}

/** A text token of a prompt. */
export interface PromptReport {
  readonly token: number;
  /** As a string of characters below 256. */
  readonly bytes: string;
  /** Absent for the first one, and for one behind an image. */
  readonly report?: TokenReport;
}

/** What became of an image of a prompt. */
export interface NativeImageReport {
  /** Size that the encoder saw all of it in; 0 where llama.cpp prepares images in its own way. */
  readonly width: number;
  readonly height: number;
  /** 0 for an image that is not cut. */
  readonly tiles: number;
  readonly tokens: number;
  /** Its embeddings were cached. */
  readonly wasEncoded: boolean;
  /** Its KV cells were cached. */
  readonly wasComputed: boolean;
  readonly encodeMs: number;
}

export type NativeEvent =
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly doneTokens: number;
      readonly ms: number;
    }
  | {
      readonly kind: 'prefilled';
      readonly id: number;
      readonly cachedTokens: number;
      readonly queueMs: number;
      readonly prefillMs: number;
      readonly encodeMs: number;
      /** Of the prompt's images, in order; absent without any. */
      readonly images?: readonly NativeImageReport[];
      /** Where asked for. */
      readonly promptReports?: readonly PromptReport[];
    }
  | {
      /** Of the answer's text, or of its thoughts. */
      readonly kind: 'delta' | 'thought';
      /** Of the request. */
      readonly id: number;
      /** Of the answer. */
      readonly index: number;
      readonly text: string;
      readonly completionTokens: number;
      /** On the tokens that begin in the text so far, each once; absent for none. */
      readonly reports?: readonly TokenReport[];
    }
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly index: number;
      /** Index of the call. */
      readonly call: number;
      /** What a call begins with; empty in its further deltas. */
      readonly callId: string;
      readonly callName: string;
      /** The next piece of its arguments. */
      readonly text: string;
      readonly completionTokens: number;
      readonly reports?: readonly TokenReport[];
    }
  | {
      readonly kind: 'finish';
      readonly id: number;
      readonly index: number;
      /** Text held back until now. */
      readonly text: string;
      readonly reason: 'stop' | 'tool_calls' | 'length' | 'repetition';
      /** The stop string or token of the request that ended the answer. */
      readonly stoppedBy?: string | number;
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly completionTokens: number;
      /** Those of them that are thoughts, their tags included. */
      readonly thoughtTokens: number;
      /** Steps of the engine from admission to the first token. */
      readonly prefillSteps: number;
      /** From the first token to the last. */
      readonly decodeSteps: number;
      readonly queueMs: number;
      readonly prefillMs: number;
      readonly encodeMs: number;
      readonly decodeMs: number;
      readonly reports: readonly TokenReport[];
      /** On the tokens that ended the answer and are no part of its text. */
      readonly unshownReports: readonly TokenReport[];
    }
  | {
      /** Ends all answers. */
      readonly kind: 'failure';
      readonly id: number;
      /** The message. */
      readonly text: string;
      readonly code: string;
    };
