import type { IncomingMessage } from 'node:http';
import type { ReadOptions } from '../api/index.ts';
import { fileFinder } from './files/stored-files.ts';
import type { SharedOptions } from './route-options.ts';

/** How the body of a request is read: how strictly, and with the files of its client. */
export function readOptionsOf({ settings, files }: SharedOptions, request: IncomingMessage): ReadOptions {
  return { allowExtraFields: settings.allowExtraRequestFields, findFile: fileFinder(files, request) };
}
