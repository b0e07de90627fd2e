import type { IncomingMessage } from 'node:http';
import { show } from '../../api/index.ts';
import type { FindFile } from '../../api/index.ts';
import { VserveError } from '../../errors/index.ts';
import { ownerOf } from '../owner.ts';
import type { FileStore, StoredFile } from './file-store.ts';

/** A file of the client of a request. Throws `file_not_found`. */
export function storedFile(files: FileStore, request: IncomingMessage, id: string, param: string): StoredFile {
  const found = files.find(id, ownerOf(request));
  if (found !== undefined) return found;
  const reason = 'it was deleted, has expired, made room for others, or is of another API key';
  throw new VserveError('file_not_found', `There is no file ${show(id)}: ${reason}. Upload it again.`, { param });
}

/** Finds the files that a request names. */
export function fileFinder(files: FileStore, request: IncomingMessage): FindFile {
  return (id, param) => storedFile(files, request, id, param);
}
