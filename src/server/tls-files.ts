import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { fileFault, messageOf, systemErrorCode, VserveError } from '../errors/index.ts';
import type { Log } from './access-log.ts';

/** Where the certificate of a server is. */
export interface TlsFiles {
  readonly keyFile: string;
  readonly certFile: string;
  readonly password: string | undefined;
}

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly passphrase?: string;
}

/** Reads a certificate and its key, and checks that they belong together. Throws `invalid_setting`. */
export async function readCertificate({ keyFile, certFile, password }: TlsFiles, log: Log): Promise<Certificate> {
  const certificate = {
    key: await read(keyFile, '--ssl-keyfile'),
    cert: await read(certFile, '--ssl-certfile'),
    ...(password === undefined ? {} : { passphrase: password }),
  };
  try {
    createSecureContext(certificate);
  } catch (cause) {
    const hint = password === undefined ? ' If the key has a password, give --ssl-keyfile-password.' : '';
    const message = `The key ${keyFile} and the certificate ${certFile} cannot be used: ${messageOf(cause)}.${hint}`;
    throw new VserveError('invalid_setting', message, { cause, param: 'sslKeyfile' });
  }
  const validTo = new Date(new X509Certificate(certificate.cert).validTo);
  if (validTo.getTime() < Date.now()) {
    log('warning', `The certificate ${certFile} has expired: it was valid until ${validTo.toISOString()}.`);
  }
  return certificate;
}

async function read(path: string, flag: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = systemErrorCode(cause) === 'ENOENT' ? 'does not exist' : `cannot be read: ${fileFault(cause)}`;
    throw new VserveError('invalid_setting', `${flag} names ${path}, which ${reason}.`, { cause });
  }
}
