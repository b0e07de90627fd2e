import type { StreamWriter } from '../../../src/api/index.ts';
import type { GenerationEvent } from '../../../src/backend/index.ts';

/** What a writer makes of events: the values of its server-sent events, without the end of OpenAI's streams. */
export function sseValues(writer: StreamWriter, events: readonly GenerationEvent[]): unknown[] {
  return sseTexts(writer, events)
    .flatMap((text) => /^data: (.*)$/m.exec(text)?.[1] ?? [])
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data) as unknown);
}

/** The same as texts, framed. */
export function sseTexts(writer: StreamWriter, events: readonly GenerationEvent[]): string[] {
  return [...events.flatMap((event) => writer.of(event)), ...writer.end()];
}
