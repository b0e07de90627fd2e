/** Vercel's AI SDK with OpenAI's own provider, whose default is the Responses API. */
import { createOpenAI } from '@ai-sdk/openai';
import { casesOf } from './ai-sdk-cases.mjs';
import { model, run, url } from './checks.mjs';

await run(casesOf(createOpenAI({ baseURL: url, apiKey: 'none' }), model));
