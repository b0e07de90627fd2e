export { embeddingsJson } from './answer.ts';
export type { EmbeddingListJson } from './answer.ts';
export { parseEmbeddingRequest } from './embedding-request.ts';
export type { EmbeddingForm, EmbeddingRequest } from './embedding-request.ts';
