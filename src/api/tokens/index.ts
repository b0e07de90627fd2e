export { inputTokensJson, textJson, tokensJson } from './answers.ts';
export type { TokensJson } from './answers.ts';
export { parseDetokenizeRequest } from './detokenize-request.ts';
export type { DetokenizeRequest } from './detokenize-request.ts';
export { parseTokenizeRequest } from './tokenize-request.ts';
export type { TokenizeForm, TokenizeRequest } from './tokenize-request.ts';
export {
  DETOKENIZE_SCHEMAS,
  INPUT_TOKENS_SCHEMAS,
  inputTokensSchema,
  TEMPLATE_SCHEMAS,
  TOKENIZE_SCHEMAS,
} from './schemas.ts';
