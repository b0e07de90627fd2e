import { isImageInBase64 } from './image-url.ts';
import { LongText } from './long-text.ts';

const MEDIA_KEY =
  /[Ii]mage|[Pp]icture|[Pp]hoto|(?:^|_)media|Media|[Vv]ideo|[Aa]udio|[Aa]ttachment|inline_?[Dd]ata|base64|^files?(?:_data|_url)?$|^documents?$|^pdf/;
const DATA_URI = /^\s*data:/i;

/** Whether a field that the server does not know seems to bring an image, or another medium, that would be lost. */
export function bringsMedia(key: string, value: unknown): boolean {
  if (value instanceof LongText) return true;
  if (typeof value === 'string') {
    return value !== '' && (MEDIA_KEY.test(key) || DATA_URI.test(value) || isImageInBase64(value));
  }
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0 && MEDIA_KEY.test(key);
}
