import { EnvHttpProxyAgent, Pool } from 'undici';
import { messageOf } from '../errors/index.ts';
import type { HubSettings } from './hub-settings.ts';

/**
 * An agent that uses the proxies of the settings and never the environment. A proxy that closes a tunnel is an error
 * (`ERR_PROXY_TUNNEL`): undici 7.30 takes that for a lost connection and retries forever.
 */
export function proxyAgent({ http, https, none }: HubSettings['proxies']): EnvHttpProxyAgent {
  return new EnvHttpProxyAgent({
    // Empty strings: undefined would make undici read the environment.
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
            const error = new Error(`the proxy ${origin.host} refuses the connection: ${messageOf(cause)}`, { cause });
            throw Object.assign(error, { code: 'ERR_PROXY_TUNNEL' });
          }
        },
      });
    },
  });
}
