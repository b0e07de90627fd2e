import { VserveError } from '../../../src/errors/index.ts';
import type { Dialect } from '../dialect.ts';

/** A request asks for what an upstream has no field for. */
export function unsupported(field: string, dialect: Dialect): VserveError {
  const message = `No upstream can be asked for that: ${field} has no counterpart in the API of ${NAMES[dialect]}. Leave out ${field}.`;
  return new VserveError('unsupported_capability', message, { param: field });
}

const NAMES: Readonly<Record<Dialect, string>> = {
  openai: 'OpenAI',
  vllm: 'vLLM',
  sglang: 'SGLang',
  max: 'MAX',
  'llama-server': 'llama-server',
  vserve: 'vserve',
};
