import { numberAt, textAt } from './json.ts';

/** How far a server is that has no model yet. */
export interface LoadingHealth {
  readonly status: 'loading' | 'draining';
  readonly text: string;
  /** From 0 to 1; undefined where it is not known. */
  readonly progress: number | undefined;
}

const STAGES: Readonly<Record<string, string>> = {
  starting: 'Starting',
  downloading: 'Downloading the model',
  converting: 'Converting the model',
  loading: 'Loading the model',
};

/** Reads the answer of `GET /health`; undefined if the server is ready. */
export function readHealth(body: unknown): LoadingHealth | undefined {
  const status = textAt(body, 'status');
  if (status === 'ok') return undefined;
  if (status === 'draining') return { status, text: 'The server is shutting down', progress: undefined };
  const stage = STAGES[textAt(body, 'stage') ?? ''] ?? 'Starting';
  return { status: 'loading', text: stage, progress: numberAt(body, 'progress') };
}
