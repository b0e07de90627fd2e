import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Backend, LoadSettings } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { loadSettingsOf } from '../settings/index.ts';
import type { LoadedSettings, ServeSettingName } from '../settings/index.ts';
import type { AskedPrecisions } from '../store/index.ts';
import { accessSettings } from './access-settings.ts';
import { readChatTemplate } from './chat-template.ts';
import { precisionsOf } from './precision.ts';
import { traceExportersOf } from './trace-settings.ts';
import type { MediaSettings } from '../media/index.ts';
import type { ServerSettings } from '../server/index.ts';

/** What each part of vserve needs to serve a model. */
export interface ServeSettings {
  /** Undefined only for a backend that needs none. */
  readonly model: string | undefined;
  readonly servedModelName: string;
  readonly precisions: AskedPrecisions;
  readonly load: LoadSettings;
  readonly server: ServerSettings;
  readonly media: MediaSettings;
}

/** Sorts the settings by the part that needs them. Throws `invalid_setting` for settings that do not fit together. */
export async function serveSettings(
  { settings, origins }: LoadedSettings<ServeSettingName>,
  backend: Backend,
): Promise<ServeSettings> {
  const { model } = settings;
  if (model === undefined && backend.needsNoModel !== true) {
    throw new VserveError('invalid_setting', 'No model to serve. Give one: vserve serve --model org/name', {
      param: 'model',
    });
  }
  return {
    model,
    servedModelName: settings.servedModelName ?? model ?? backend.name,
    precisions: precisionsOf(settings),
    load: {
      ...loadSettingsOf(settings),
      chatTemplate: await readChatTemplate(settings.chatTemplate, origins.chatTemplate),
    },
    server: {
      apiTypes: settings.apiTypes,
      maxRequestBytes: settings.maxRequestBytes,
      maxRequestMemoryBytes: settings.maxRequestMemoryBytes,
      bodyTimeoutS: settings.httpBodyTimeoutS,
      keepAliveTimeoutS: settings.httpKeepaliveTimeoutS,
      gracefulShutdownTimeoutS: settings.gracefulShutdownTimeoutS,
      allowExtraRequestFields: settings.allowExtraRequestFields,
      maxImagesPerRequest: settings.limitImagesPerPrompt,
      maxQueueSize: settings.maxQueueSize,
      maxStoredResponses: settings.maxStoredResponses,
      maxStoredResponseBytes: settings.maxStoredResponseBytes,
      maxStoredFiles: settings.maxStoredFiles,
      maxStoredFileBytes: settings.maxStoredFileBytes,
      slots: settings.slots,
      // The page asks by OpenAI's API.
      playground: !settings.headless && settings.apiTypes.includes('openai'),
      traceExporters: traceExportersOf(settings, origins),
      maxPendingRequests: settings.maxPendingRequests,
      maxRequestsPerKey: settings.maxRequestsPerKey,
      ...accessSettings(settings, origins),
      trustedProxies: settings.trustedProxies,
      unixSocketMode: settings.unixSocketMode,
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
      maxDocumentPages: settings.maxDocumentPages,
      documentPageSide: settings.documentPageSide,
      maxVideoFrames: settings.maxVideoFrames,
      maxVideoSeconds: settings.maxVideoSeconds,
      ffmpeg: settings.ffmpeg,
      mediaTimeoutS: settings.mediaTimeoutS,
      ssrfProtectionEnabled: settings.mediaUrlSsrfProtectionEnabled,
      allowedMediaHosts: [...settings.mediaUrlAllowedHosts],
    },
  };
}

/** A misspelt root would refuse every image. */
async function existingFolder(root: string, origin: string): Promise<string> {
  const path = resolve(root);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return path;
  const message = `${origin} names ${JSON.stringify(root)}, which is not a readable folder.`;
  throw new VserveError('invalid_setting', message, { param: 'allowedImageRoots' });
}
