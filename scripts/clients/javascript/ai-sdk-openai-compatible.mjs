/** Vercel's AI SDK with its provider for servers like this one: chat completions. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { casesOf } from './ai-sdk-cases.mjs';
import { model, run, url } from './checks.mjs';

const settings = {
  name: 'vserve',
  baseURL: url,
  supportsStructuredOutputs: true,
  includeUsage: true,
  // Else the library fetches pictures itself.
  supportedUrls: () => ({ 'image/*': [/^https?:/] }),
};
await run(casesOf(createOpenAICompatible(settings), model));
