import { join } from 'node:path';
// Not the whole client, which is slow to load and not always needed.
import { findToken } from '../hub/token.ts';
import type { Settings } from '../settings/index.ts';
import type { HubAccess } from '../store/index.ts';
import type { Dependencies } from './context.ts';
import { version } from './version.ts';

/** The settings of the Hub and of what to download from it. */
export const hubSettingNames = [
  'huggingfaceModelRevision',
  'weightPath',
  'forceDownload',
  'hfToken',
  'hfTokenPath',
  'hfHome',
  'hfHubCache',
  'hfEndpoint',
  'hfHubOffline',
  'httpProxy',
  'httpsProxy',
  'noProxy',
] as const;

/** How the store reaches the Hub. */
export function hubAccess(
  settings: Pick<Settings, (typeof hubSettingNames)[number]>,
  dependencies: Dependencies,
  onEvent: HubAccess['onEvent'],
): HubAccess {
  const { hfHome } = settings;
  return {
    load: () => dependencies.loadHub(),
    settings: async () => ({
      endpoint: settings.hfEndpoint.replace(/\/+$/, ''),
      token: await findToken(settings.hfToken, settings.hfTokenPath ?? join(hfHome, 'token')),
      offline: settings.hfHubOffline,
      cacheFolder: settings.hfHubCache ?? join(hfHome, 'hub'),
      proxies: {
        http: settings.httpProxy ?? '',
        https: settings.httpsProxy ?? '',
        none: settings.noProxy ?? '',
      },
    }),
    revision: settings.huggingfaceModelRevision,
    weightPath: settings.weightPath,
    forceDownload: settings.forceDownload,
    userAgent: `vserve/${version}`,
    onEvent,
  };
}
