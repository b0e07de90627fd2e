import { once } from 'node:events';
import type { LoadedModel } from '../backend/index.ts';
import type { AdapterSettings, LoadingProgress, OpenServer } from '../server/index.ts';
import type { Context } from './context.ts';

/** What loading a model is given: its signal ends it also when the server cannot be opened. */
export interface Loading extends Context {
  readonly report: (progress: LoadingProgress) => void;
}

/** A model in memory, and the hold on its files. */
export interface ModelInUse {
  readonly model: LoadedModel;
  /** How long the backend took. */
  readonly loadMs: number;
  /** Its LoRA adapters. */
  readonly adapters: AdapterSettings;
  readonly release: () => Promise<void>;
}

/** The server opens after this time at the latest. */
const LONGEST_HEAD_START_MS = 500;

/**
 * Opens a server and loads its model at the same time: clients are told how far it is from the beginning. The server's
 * modules take this thread while they load, so the backend goes first, until it is at work in threads of its own. If one
 * fails, the other is ended.
 */
export async function openAndLoad(
  open: () => Promise<OpenServer>,
  load: (loading: Loading) => Promise<ModelInUse>,
  context: Context,
): Promise<ModelInUse & { readonly server: OpenServer }> {
  const unopened = new AbortController();
  let server: OpenServer | undefined;
  let progress: LoadingProgress | undefined;
  const atWork = new AbortController();
  const begun = once(atWork.signal, 'abort');
  const begin = (): void => atWork.abort();
  const report = (news: LoadingProgress): void => {
    progress = news;
    server?.report(news);
    begin();
  };
  const loading = load({ ...context, report, signal: AbortSignal.any([context.signal, unopened.signal]) });
  loading.then(begin, begin);
  const timer = setTimeout(begin, LONGEST_HEAD_START_MS);
  const opening = begun.then(async () => {
    clearTimeout(timer);
    const opened = await open();
    server = opened;
    if (progress !== undefined) opened.report(progress);
    return opened;
  });
  opening.catch((error: unknown) => unopened.abort(error));
  const [opened, loaded] = await Promise.allSettled([opening, loading]);
  if (opened.status === 'fulfilled' && loaded.status === 'fulfilled' && !context.signal.aborted) {
    return { ...loaded.value, server: opened.value };
  }
  if (opened.status === 'fulfilled') await opened.value.close();
  if (loaded.status === 'fulfilled') {
    await loaded.value.model.close();
    await loaded.value.release();
  }
  if (opened.status === 'rejected') throw opened.reason;
  throw loaded.status === 'rejected' ? loaded.reason : context.signal.reason;
}
