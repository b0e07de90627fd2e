import { isImageInBase64 } from './image-url.ts';
import { invalid } from './invalid-request.ts';
import { LongText } from './long-text.ts';

const MEDIA_KEY =
  /[Ii]mage|[Pp]icture|[Pp]hoto|(?:^|_)media|Media|[Vv]ideo|[Aa]udio|[Aa]ttachment|inline_?[Dd]ata|base64|^files?(?:_data|_url|_ids?)?$|^frames$|^documents?$|^pdf/;
const DATA_URI = /^\s*data:/i;

/** Longer than a word that begins like an image. */
const MIN_IMAGE_CHARACTERS = 200;
const IMAGE_URI = /^data:image\/[\w.+-]+;base64,/i;
const BASE64 = /^[\w+/\s-]*={0,2}$/;

/** Throws `invalid_request` for a text that is nothing but an image, which nobody would see. */
export function refuseImageAsText(text: string, path: string): void {
  if (text.length < MIN_IMAGE_CHARACTERS) return;
  const start = text.slice(0, 100).trimStart();
  const [uri = ''] = IMAGE_URI.exec(start) ?? [];
  if (uri === '' && !isImageInBase64(start)) return;
  if (!BASE64.test(text.trim().slice(uri.length))) return;
  throw invalid(path, `${path} is an image as a text, which the model would not see. Send it as an image_url part.`);
}

/** Whether a field that the server does not know seems to bring an image, or another medium, that would be lost. */
export function bringsMedia(key: string, value: unknown): boolean {
  if (value instanceof LongText) return true;
  if (typeof value === 'string') {
    return value !== '' && (MEDIA_KEY.test(key) || DATA_URI.test(value) || isImageInBase64(value));
  }
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0 && MEDIA_KEY.test(key);
}
