import { computed, signal } from '@preact/signals';
import { errorIn } from '../requests/answer.ts';
import { readHealth } from '../requests/health.ts';
import type { LoadingHealth } from '../requests/health.ts';
import { readModel } from '../requests/model.ts';
import type { Model } from '../requests/model.ts';
import { announce } from './announcements.ts';
import { apiHeaders, apiKey, apiUrl } from './api.ts';

export type ServerStatus =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'unreachable' }
  | { readonly phase: 'loading'; readonly health: LoadingHealth }
  | { readonly phase: 'locked'; readonly message: string }
  | { readonly phase: 'failed'; readonly message: string }
  | { readonly phase: 'ready'; readonly model: Model };

const RETRY_MS = 1000;

export const server = signal<ServerStatus>({ phase: 'connecting' });

/** The model, once the server has it. */
export const model = computed(() => (server.value.phase === 'ready' ? server.value.model : undefined));

let watch = 0;

/** Follows the server until it is ready, or says that it needs a key. A later call takes over from an earlier one. */
export async function watchServer(): Promise<void> {
  watch += 1;
  const own = watch;
  for (;;) {
    const status = await serverStatus();
    if (own !== watch) return;
    const wasReady = server.value.phase === 'ready';
    server.value = status;
    if (status.phase === 'ready' && !wasReady) announce(`${status.model.id} is ready`);
    if (status.phase === 'ready' || status.phase === 'locked' || status.phase === 'failed') return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

export function useKey(key: string): Promise<void> {
  apiKey.value = key;
  return watchServer();
}

async function serverStatus(): Promise<ServerStatus> {
  try {
    const health = readHealth(await bodyOf(await fetch(apiUrl('health'))));
    if (health !== undefined) return { phase: 'loading', health };
    return await modelStatus();
  } catch {
    return { phase: 'unreachable' };
  }
}

async function modelStatus(): Promise<ServerStatus> {
  const response = await fetch(apiUrl('v1/models'), { headers: apiHeaders() });
  const body = await bodyOf(response);
  const served = readModel(body);
  if (served !== undefined) return { phase: 'ready', model: served };
  const message = errorIn(body) ?? `The server answered ${String(response.status)}.`;
  if (response.status === 401) {
    return { phase: 'locked', message: apiKey.value === '' ? 'This server needs an API key.' : message };
  }
  if (response.status === 503) return { phase: 'connecting' };
  return { phase: 'failed', message };
}

async function bodyOf(response: Response): Promise<unknown> {
  return (await response.json().catch(() => undefined)) as unknown;
}
