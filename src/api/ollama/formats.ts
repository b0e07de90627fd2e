import { VserveError } from '../../errors/index.ts';
import type { ReadOptions } from '../request/json-object.ts';
import type { ModelFormat, RouteSchemas, WireFormat } from '../wire-format.ts';
import { loadAnswer, toAnswer } from './answer.ts';
import { ollamaErrors } from './errors.ts';
import { LineWriter } from './line-writer.ts';
import type { OllamaModel, OllamaRequest } from './ollama-request.ts';
import { parseChatRequest, parseGenerateRequest } from './parse-request.ts';
import type { PiecesJson } from './pieces.ts';
import { messagePieces, responsePieces } from './pieces.ts';
import { CHAT_SCHEMAS, GENERATE_SCHEMAS } from './schemas.ts';

interface Route {
  readonly parse: (body: unknown, options: ReadOptions, model: OllamaModel) => OllamaRequest;
  readonly toJson: PiecesJson;
  readonly schemas: RouteSchemas;
}

/** Ollama's `/api/chat`, for whichever model. */
export const OLLAMA_CHAT: ModelFormat<OllamaRequest> = {
  framing: 'ndjson',
  errors: ollamaErrors,
  schemas: CHAT_SCHEMAS,
  of: ollamaChatFormat,
};

/** Ollama's `/api/generate`, for whichever model. */
export const OLLAMA_GENERATE: ModelFormat<OllamaRequest> = {
  framing: 'ndjson',
  errors: ollamaErrors,
  schemas: GENERATE_SCHEMAS,
  of: ollamaGenerateFormat,
};

/** Ollama's `/api/chat`. */
export function ollamaChatFormat(model: OllamaModel): WireFormat<OllamaRequest> {
  return formatOf(model, { parse: parseChatRequest, toJson: messagePieces, schemas: CHAT_SCHEMAS });
}

/** Ollama's `/api/generate`. */
export function ollamaGenerateFormat(model: OllamaModel): WireFormat<OllamaRequest> {
  return formatOf(model, { parse: parseGenerateRequest, toJson: responsePieces, schemas: GENERATE_SCHEMAS });
}

function formatOf(model: OllamaModel, { parse, toJson, schemas }: Route): WireFormat<OllamaRequest> {
  return {
    idPrefix: '',
    framing: 'ndjson',
    parse: (body, options) => parse(body, options, model),
    answerAtOnce: ({ answer }) => {
      if (answer.load === undefined) return undefined;
      if (answer.load === 'load' || model.isManaged === true) return loadAnswer(answer.model, answer.load, toJson);
      const message = 'This server keeps its model in memory as long as it runs. Stop the server to unload it.';
      throw new VserveError('unsupported_capability', message, { param: 'keep_alive' });
    },
    answer: (_identity, events, { answer }) => toAnswer(answer.model, events, toJson),
    writer: (_identity, { answer, imageDetails = false }) => new LineWriter(answer.model, toJson, imageDetails),
    errors: ollamaErrors,
    schemas,
  };
}
