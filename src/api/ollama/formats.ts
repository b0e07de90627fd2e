import { VserveError } from '../../errors/index.ts';
import type { ReadOptions } from '../request/json-object.ts';
import type { WireFormat } from '../wire-format.ts';
import { loadAnswer, toAnswer } from './answer.ts';
import { ollamaErrors } from './errors.ts';
import { LineWriter } from './line-writer.ts';
import type { OllamaModel, OllamaRequest } from './ollama-request.ts';
import { parseChatRequest, parseGenerateRequest } from './parse-request.ts';
import type { PiecesJson } from './pieces.ts';
import { messagePieces, responsePieces } from './pieces.ts';

type Parse = (body: unknown, options: ReadOptions, model: OllamaModel) => OllamaRequest;

/** Ollama's `/api/chat`. */
export function ollamaChatFormat(model: OllamaModel): WireFormat<OllamaRequest> {
  return formatOf(model, parseChatRequest, messagePieces);
}

/** Ollama's `/api/generate`. */
export function ollamaGenerateFormat(model: OllamaModel): WireFormat<OllamaRequest> {
  return formatOf(model, parseGenerateRequest, responsePieces);
}

function formatOf(model: OllamaModel, parse: Parse, toJson: PiecesJson): WireFormat<OllamaRequest> {
  return {
    idPrefix: '',
    framing: 'ndjson',
    parse: (body, options) => parse(body, options, model),
    answerAtOnce: ({ answer }) => {
      if (answer.load === undefined) return undefined;
      if (answer.load === 'load') return loadAnswer(answer.model, answer.load, toJson);
      const message = 'This server keeps its model in memory as long as it runs. Stop the server to unload it.';
      throw new VserveError('unsupported_capability', message, { param: 'keep_alive' });
    },
    answer: (_identity, events, { answer }) => toAnswer(answer.model, events, toJson),
    writer: (_identity, { answer }) => new LineWriter(answer.model, toJson),
    errors: ollamaErrors,
  };
}
