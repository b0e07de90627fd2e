import { invalid, show } from './invalid-request.ts';
import type { ReadOptions } from './json-object.ts';
import { unsupported } from './json-object.ts';
import type { UploadedFile } from './uploaded-file.ts';

/** The file of an id. Throws `invalid_request`, `file_not_found`, and `unsupported_parameter` where no files are stored. */
export function readFileId(id: unknown, path: string, { findFile }: ReadOptions): UploadedFile {
  if (findFile === undefined) throw unsupported(path, id, 'Send the file itself.');
  if (typeof id === 'string' && id !== '') return findFile(id, path);
  throw invalid(path, `${path} must be the id of an uploaded file, not ${show(id)}.`);
}
