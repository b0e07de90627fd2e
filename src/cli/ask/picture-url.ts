import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileFault, systemErrorCode, VserveError } from '../../errors/index.ts';
// Not the whole room, which is slow to load.
import { imageFormatOf } from '../../media/image-format.ts';
import type { ImageFormat } from '../../media/image-format.ts';

const mediaTypes: Readonly<Record<ImageFormat, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  tiff: 'image/tiff',
  heif: 'image/avif',
  bmp: 'image/bmp',
  netpbm: 'image/x-portable-anymap',
};

/**
 * The URL that a request names an image by: http, https and data URLs as they are, a file as a data URL of its bytes, which
 * are read here, so that a server needs no access to them. Throws `invalid_setting`.
 */
export async function pictureUrl(reference: string): Promise<string> {
  if (/^(https?|data):/i.test(reference)) return reference;
  return dataUrl(await readPicture(reference), reference);
}

/** Bytes as a data URL. `name` is for errors. Throws `invalid_setting` for what is no image. */
export function dataUrl(bytes: Uint8Array, name: string): string {
  const format = imageFormatOf(bytes);
  if (format === undefined) {
    const reason = bytes.length === 0 ? 'is empty' : 'is not an image that can be read';
    throw wrong(`${name} ${reason}. Give a PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF or PPM file, or its address.`);
  }
  return `data:${mediaTypes[format]};base64,${Buffer.from(bytes).toString('base64')}`;
}

/** The bytes of the file that a path or a file URL names. `~/` is the home folder. Throws `invalid_setting`. */
export async function readPicture(reference: string): Promise<Buffer> {
  const path = pathOf(reference);
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = systemErrorCode(cause) === 'ENOENT' ? 'does not exist' : `cannot be read: ${fileFault(cause)}`;
    throw wrong(`The image ${path} ${reason}.`, cause);
  }
}

/** The path that a text names: a path, a file URL, or `~/…`. */
export function pathOf(reference: string): string {
  if (/^file:/i.test(reference)) {
    try {
      return fileURLToPath(reference);
    } catch (cause) {
      throw wrong(`${reference} is not the URL of a file on this machine.`, cause);
    }
  }
  return reference.startsWith('~/') ? join(homedir(), reference.slice(2)) : reference;
}

function wrong(message: string, cause?: unknown): VserveError {
  return new VserveError('invalid_setting', message, { cause, param: 'image' });
}
