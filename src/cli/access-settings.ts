import { VserveError } from '../errors/index.ts';
import type { ServerSettings } from '../server/index.ts';
import type { LoadedSettings } from '../settings/index.ts';

const names = ['apiKey', 'apiKeyFile', 'maxRequestsPerKey', 'sslKeyfile', 'sslCertfile', 'sslKeyfilePassword'] as const;

type AccessOptions = LoadedSettings<(typeof names)[number]>;

/** API keys and certificates. Throws `invalid_setting` for settings that would not protect as they seem to. */
export function accessSettings(
  { apiKey, apiKeyFile, maxRequestsPerKey, sslKeyfile, sslCertfile, sslKeyfilePassword }: AccessOptions['settings'],
  origins: AccessOptions['origins'],
): Pick<ServerSettings, 'apiKeys' | 'apiKeyFile' | 'tls'> {
  if (apiKeyFile !== undefined && origins.apiKey.endsWith(' in .env')) {
    throw wrong(
      'apiKey',
      `${origins.apiKey} would add a key to those of ${origins.apiKeyFile}. Export it, or remove it.`,
    );
  }
  if (maxRequestsPerKey !== undefined && apiKey.length === 0 && apiKeyFile === undefined) {
    throw wrong('maxRequestsPerKey', `${origins.maxRequestsPerKey} needs keys: --api-key, or --api-key-file.`);
  }
  const access = { apiKeys: apiKey, apiKeyFile };
  if (sslKeyfile !== undefined && sslCertfile !== undefined) {
    return { ...access, tls: { keyFile: sslKeyfile, certFile: sslCertfile, password: sslKeyfilePassword } };
  }
  if (sslKeyfile !== undefined) throw wrong('sslKeyfile', `${origins.sslKeyfile} needs --ssl-certfile.`);
  if (sslCertfile !== undefined) throw wrong('sslCertfile', `${origins.sslCertfile} needs --ssl-keyfile.`);
  if (sslKeyfilePassword !== undefined) {
    throw wrong('sslKeyfilePassword', `${origins.sslKeyfilePassword} needs --ssl-keyfile and --ssl-certfile.`);
  }
  return { ...access, tls: undefined };
}

/** Hides a command line with secrets from the other users of this machine: where the system lists it, its title stands. */
export function hideSecretFlags(
  origins: Pick<AccessOptions['origins'], 'apiKey'> & Partial<AccessOptions['origins']>,
  verb: string,
): void {
  const isSecretShown = [origins.apiKey, origins.sslKeyfilePassword].some((origin) => origin?.startsWith('--'));
  if (isSecretShown) process.title = `vserve ${verb}`;
}

function wrong(param: string, message: string): VserveError {
  return new VserveError('invalid_setting', message, { param });
}
