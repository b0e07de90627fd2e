import { EnvHttpProxyAgent, Pool } from 'undici';
import { messageOf } from '../errors/index.ts';
import type { HubSettings } from './hub-settings.ts';

/**
 * An agent that goes through the proxies of the settings, and looks at no environment itself. A proxy that closes a
 * tunnel is an error (`ERR_PROXY_TUNNEL`): undici 7.30 takes that for a lost connection and tries for ever.
 */
export function proxyAgent({ http, https, none }: HubSettings['proxies']): EnvHttpProxyAgent {
  return new EnvHttpProxyAgent({
    // Empty texts, not undefined, for which undici would ask the environment.
    httpProxy: http,
    httpsProxy: https,
    noProxy: none,
    clientFactory(origin, options) {
      const pool = new Pool(origin, options);
      const connect = pool.connect.bind(pool);
      return Object.assign(pool, {
        connect: async (request: Parameters<typeof connect>[0]) => {
          try {
            return await connect(request);
          } catch (cause) {
            const error = new Error(`the proxy ${origin.host} makes no connection: ${messageOf(cause)}`, { cause });
            throw Object.assign(error, { code: 'ERR_PROXY_TUNNEL' });
          }
        },
      });
    },
  });
}
