export { chat } from './chat.ts';
export type { ChatAnswer, ChatOptions, ChatRequest, ContentPart, Message, SeenImage } from './chat.ts';
export { downloadPicture } from './download-picture.ts';
export { embed } from './embed.ts';
export type { EmbeddingAnswer } from './embed.ts';
export { endpointAt } from './endpoint.ts';
export type { Endpoint } from './endpoint.ts';
export { servedModel, servedProjector } from './served-model.ts';
