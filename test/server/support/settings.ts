import type { MediaSettings } from '../../../src/media/index.ts';
import type { ServerSettings } from '../../../src/server/server-settings.ts';

export function serverSettings(changes: Partial<ServerSettings> = {}): ServerSettings {
  return {
    apiTypes: ['openai', 'responses', 'anthropic', 'ollama'],
    maxRequestBytes: 10_000_000,
    maxRequestMemoryBytes: 100_000_000,
    bodyTimeoutS: 300,
    keepAliveTimeoutS: 120,
    gracefulShutdownTimeoutS: 0,
    allowExtraRequestFields: false,
    maxImagesPerRequest: 10,
    maxQueueSize: undefined,
    maxStoredResponses: 100,
    maxStoredResponseBytes: 10_000_000,
    maxStoredFiles: 100,
    maxStoredFileBytes: 10_000_000,
    slots: false,
    playground: true,
    traceExporters: [],
    maxPendingRequests: undefined,
    apiKeys: [],
    apiKeyFile: undefined,
    maxRequestsPerKey: undefined,
    tls: undefined,
    trustedProxies: [],
    unixSocketMode: 0o600,
    allowedOrigins: [],
    allowedHosts: [],
    ...changes,
  };
}

export function mediaSettings(changes: Partial<MediaSettings> = {}): MediaSettings {
  return {
    allowedImageRoots: [],
    maxLocalImageBytes: 1_000_000,
    maxMediaBytes: 10_000_000,
    maxImagePixels: 10_000_000,
    mediaTimeoutS: 60,
    ssrfProtectionEnabled: true,
    allowedMediaHosts: [],
    maxDocumentPages: 10,
    documentPageSide: 300,
    maxVideoFrames: 8,
    maxVideoSeconds: 60,
    ffmpeg: 'ffmpeg',
    ...changes,
  };
}
