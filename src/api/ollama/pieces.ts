import type { ToolCallJson } from './tool-calls.ts';

/** What one object of an answer brings. */
export interface Pieces {
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly ToolCallJson[];
}

/** How a route writes an answer's pieces into its objects. */
export type PiecesJson = (pieces: Pieces) => object;

/** `/api/chat`: a message. */
export const messagePieces: PiecesJson = ({ text = '', thinking, calls = [] }) => ({
  message: {
    role: 'assistant',
    content: text,
    ...(thinking === undefined ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  },
});

/** `/api/generate`: bare texts. */
export const responsePieces: PiecesJson = ({ text = '', thinking, calls = [] }) => ({
  response: text,
  ...(thinking === undefined ? {} : { thinking }),
  ...(calls.length === 0 ? {} : { tool_calls: calls }),
});
