import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FinishReason, JsonObject } from '../../../src/backend/index.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);

/** What is wrong with an answer that is held to a schema; undefined where nothing is. */
export function faultOf(schema: JsonObject, text: string, reason: FinishReason): string | undefined {
  if (reason === 'length') return undefined;
  if (reason !== 'stop') return `it ended by ${reason}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `${String(error)}: ${text}`;
  }
  const validate = ajv.compile(schema);
  return validate(value) ? undefined : `${ajv.errorsText(validate.errors)}: ${text}`;
}
