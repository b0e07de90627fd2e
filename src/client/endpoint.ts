import type { Dispatcher } from 'undici';

/** A server of OpenAI's API. */
export interface Endpoint {
  /** `http://localhost:8000/v1`: what routes are appended to. */
  readonly baseUrl: string;
  /** How it is called in messages: its address as it was given. */
  readonly name: string;
  readonly apiKey: string | undefined;
  readonly dispatcher: Dispatcher;
}

/** No timeouts: a model may think for long, and heartbeats are not part of the API. */
const PATIENT = { headersTimeout: 0, bodyTimeout: 0 };

/**
 * The server at an http or https address, or at `unix:PATH`. An address without a path means its `/v1`; one with a path is
 * taken as it is, as in `base_url` of OpenAI's clients.
 */
export async function endpointAt(url: string, apiKey?: string): Promise<Endpoint> {
  const { Agent } = await import('undici');
  const socketPath = url.startsWith('unix:') ? url.replace(/^unix:(\/\/(?=\/))?/, '') : undefined;
  if (socketPath !== undefined) {
    const dispatcher = new Agent({ ...PATIENT, connect: { socketPath } });
    return { baseUrl: 'http://localhost/v1', name: url, apiKey, dispatcher };
  }
  return { baseUrl: baseUrlOf(url), name: url, apiKey, dispatcher: new Agent(PATIENT) };
}

function baseUrlOf(url: string): string {
  const { origin, pathname } = new URL(url);
  const path = pathname.replace(/\/+$/, '').replace(/\/(chat\/)?completions$/, '');
  return origin + (path === '' ? '/v1' : path);
}
