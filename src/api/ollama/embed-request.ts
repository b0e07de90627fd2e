import { z } from 'zod';
import type { NamesOf } from '../request/field-table.ts';
import { fieldTable } from '../request/field-table.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import type { PlainKind } from '../request/kinds.ts';
import { integerFrom, mapped, TEXT } from '../request/kinds.ts';
import { readFields } from '../request/read-fields.ts';
import { anything } from '../request/values.ts';
import { servedNameOf } from './model-name.ts';
import type { OllamaModel } from './ollama-request.ts';

/** A request of `/api/embed` or `/api/embeddings`. */
export interface OllamaEmbedRequest {
  /** The served name, if it is that. */
  readonly model: string | undefined;
  /** The model's name, as the request has it. */
  readonly givenModel: string;
  readonly inputs: readonly string[];
  /** Undefined for all that the model has. */
  readonly dimensions: number | undefined;
}

const MAX_INPUTS = 2048;

const INPUT: PlainKind<string | readonly string[]> = {
  expected: `a string or an array of at most ${String(MAX_INPUTS)} strings`,
  schema: z.union([z.string(), z.array(z.string()).max(MAX_INPUTS)]),
};

const KINDS = {
  model: TEXT,
  input: INPUT,
  dimensions: mapped(integerFrom(0), (dimensions) => (dimensions === 0 ? undefined : dimensions)),
};

const EMBED_NAMES: NamesOf<typeof KINDS> = { model: ['model'], input: ['input'], dimensions: ['dimensions'] };

/** An embedding has no draws to set, and an input that is too long is refused rather than cut. */
const OTHERS = { keep_alive: anything, 'options.*': anything, truncate: anything };

export const EMBED_FIELDS = fieldTable(KINDS, EMBED_NAMES, OTHERS);
/** The older route takes one text. */
export const EMBEDDINGS_FIELDS = fieldTable(
  KINDS,
  { ...EMBED_NAMES, input: [{ name: 'prompt', kind: TEXT }], dimensions: [] },
  OTHERS,
);

/** Parses a body of `/api/embed` or, `isOld`, of `/api/embeddings`. Throws `invalid_request`, `unsupported_parameter`. */
export function parseEmbedRequest(
  body: unknown,
  options: ReadOptions,
  model: OllamaModel,
  isOld = false,
): OllamaEmbedRequest {
  const name = isOld ? 'prompt' : 'input';
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with ${name}, not ${show(body)}.`);
  const { values } = readFields<typeof KINDS>(body, isOld ? EMBEDDINGS_FIELDS : EMBED_FIELDS, options);
  const { input, dimensions } = values;
  if (input === undefined) throw invalid(name, `${name} is missing. It must be ${INPUT.expected}.`);
  return {
    model: servedNameOf(values.model, model.name),
    givenModel: values.model ?? model.name,
    inputs: typeof input === 'string' ? [input] : input,
    dimensions,
  };
}
