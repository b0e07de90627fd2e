import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { LoadSettings } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { LoadedSettings, SettingName } from '../settings/index.ts';
import type { AskedPrecisions } from '../store/index.ts';
import { precisionsOf } from './precision.ts';
import type { MediaSettings } from '../media/index.ts';
import type { ServerSettings } from '../server/index.ts';

/** What each part of vserve needs to serve a model. */
export interface ServeSettings {
  readonly model: string;
  readonly servedModelName: string;
  readonly precisions: AskedPrecisions;
  readonly load: LoadSettings;
  readonly server: ServerSettings;
  readonly media: MediaSettings;
}

/** Sorts the settings by the part that needs them. Throws `invalid_setting` for what only shows when put together. */
export async function serveSettings({ settings, origins }: LoadedSettings<SettingName>): Promise<ServeSettings> {
  const { model } = settings;
  if (model === undefined) {
    throw new VserveError('invalid_setting', 'There is no model to serve. Give one with --model.', { param: 'model' });
  }
  return {
    model,
    servedModelName: settings.servedModelName ?? model,
    precisions: precisionsOf(settings),
    load: {
      maxLength: settings.maxLength,
      maxBatchSize: settings.maxBatchSize,
      devices: settings.devices,
      prefixCaching: settings.enablePrefixCaching,
      maxVisionCacheEntries: settings.maxVisionCacheEntries,
      mmprojEncoding: settings.mmprojEncoding,
      maxBatchInputTokens: settings.maxBatchInputTokens,
      deviceMemoryUtilization: settings.deviceMemoryUtilization,
      kvCacheFormat: settings.kvCacheFormat,
      flashAttention: settings.flashAttention,
      mmap: settings.mmap,
      mlock: settings.mlock,
      threads: settings.threads,
      threadsBatch: settings.threadsBatch,
    },
    server: {
      maxRequestBytes: settings.maxRequestBytes,
      maxRequestMemoryBytes: settings.maxRequestMemoryBytes,
      bodyTimeoutS: settings.httpBodyTimeoutS,
      keepAliveTimeoutS: settings.httpKeepaliveTimeoutS,
      gracefulShutdownTimeoutS: settings.gracefulShutdownTimeoutS,
      allowExtraRequestFields: settings.allowExtraRequestFields,
      maxImagesPerRequest: settings.limitImagesPerPrompt,
      maxQueueSize: settings.maxQueueSize,
      allowedOrigins: settings.allowedOrigins,
      allowedHosts: settings.allowedHosts,
    },
    media: {
      allowedImageRoots: await Promise.all(
        settings.allowedImageRoots.map((root) => existingFolder(root, origins.allowedImageRoots)),
      ),
      maxLocalImageBytes: settings.maxLocalImageBytes,
      maxMediaBytes: settings.maxMediaBytes,
      maxImagePixels: settings.maxImagePixels,
      mediaTimeoutS: settings.mediaTimeoutS,
      ssrfProtectionEnabled: settings.mediaUrlSsrfProtectionEnabled,
      allowedMediaHosts: [...settings.mediaUrlAllowedHosts],
    },
  };
}

/** A root that is misspelt would refuse every image, so it is refused itself. */
async function existingFolder(root: string, origin: string): Promise<string> {
  const path = resolve(root);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return path;
  const message = `${origin} names ${JSON.stringify(root)}, which is not a folder that can be read.`;
  throw new VserveError('invalid_setting', message, { param: 'allowedImageRoots' });
}
