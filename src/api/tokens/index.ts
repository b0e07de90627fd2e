export { inputTokensJson, textJson, tokenIdsText, tokensJson } from './answers.ts';
export type { TokensJson } from './answers.ts';
export { parseDetokenizeRequest } from './detokenize-request.ts';
export type { DetokenizeRequest } from './detokenize-request.ts';
export { parseTokenizeRequest } from './tokenize-request.ts';
export type { TokenizeForm, TokenizeRequest } from './tokenize-request.ts';
export {
  DETOKENIZE_SCHEMAS,
  inputTokensSchema,
  inputTokensSchemas,
  templateSchemas,
  tokenizeSchemas,
} from './schemas.ts';
