/** Vercel's AI SDK with Anthropic's provider: messages. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { casesOf } from './ai-sdk-cases.mjs';
import { model, run, url } from './checks.mjs';

await run(casesOf(createAnthropic({ baseURL: url, apiKey: 'none' }), model));
