import type { AnswerFormat } from '../../../src/backend/index.ts';
import type { Dialect } from '../dialect.ts';
import { having, isIn } from '../dialect.ts';
import { unsupported } from './unsupported.ts';

/** The fields that hold an answer to a format. Throws `unsupported_capability`. */
export function formatFields(format: AnswerFormat, dialect: Dialect): Record<string, unknown> {
  switch (format.type) {
    case 'text':
      return {};
    case 'json-object':
      return { response_format: { type: 'json_object' } };
    case 'json-schema':
      return {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'answer', schema: format.schema, strict: true },
        },
      };
    case 'regex':
      if (dialect === 'sglang') return { regex: format.pattern };
      return structured({ regex: format.pattern }, 'structured_outputs.regex', dialect);
    case 'choice':
      if (dialect === 'sglang') return { regex: `(${format.choices.map(escaped).join('|')})` };
      return structured({ choice: format.choices }, 'structured_outputs.choice', dialect);
    case 'gbnf':
      break;
  }
  if (dialect === 'sglang') return { ebnf: format.grammar };
  if (dialect === 'llama-server') return { grammar: format.grammar };
  return structured({ grammar: format.grammar }, 'grammar', dialect);
}

function structured(outputs: object, field: string, dialect: Dialect): Record<string, unknown> {
  if (!isIn(having.vllmLike, dialect)) throw unsupported(field, dialect);
  return { structured_outputs: outputs };
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
