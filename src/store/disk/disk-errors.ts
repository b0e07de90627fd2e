import { diskFullError, fileFault, systemErrorCode, VserveError } from '../../errors/index.ts';

/**
 * Explains an error of the disk below `folder`; returns any other error unchanged. `advice` says what to do if the folder
 * cannot be used, such as "Set VSERVE_HOME to …".
 */
export function explainDiskError(error: unknown, folder: string, advice: string): unknown {
  if (error instanceof VserveError) return error;
  const full = diskFullError(error, folder, advice);
  if (full !== undefined) return full;
  const code = systemErrorCode(error) ?? '';
  const path = error instanceof Error && 'path' in error ? String(error.path) : '';
  const isMaking = error instanceof Error && 'syscall' in error && error.syscall === 'mkdir';
  if (isMaking || (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code) && path.startsWith(folder))) {
    const message = `The folder ${folder} cannot be written: ${fileFault(error)}\n${advice}`;
    return new VserveError('invalid_setting', message, { cause: error });
  }
  if (code === 'EACCES' || code === 'ENOENT') {
    const file = path === '' ? 'The model' : `The file ${path} of the model`;
    return new VserveError('model_unavailable', `${file} cannot be read: ${fileFault(error)}`, { cause: error });
  }
  return error;
}
