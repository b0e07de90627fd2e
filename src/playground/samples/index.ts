import { curlSample } from './curl.ts';
import { javascriptSample } from './javascript.ts';
import { pythonSample } from './python.ts';
import type { Sample } from './sample.ts';

/** What writes a request down, by the name that the page shows. */
export const SAMPLES: Readonly<Record<string, (sample: Sample) => string>> = {
  curl: curlSample,
  Python: pythonSample,
  JavaScript: javascriptSample,
};

const LONG_DATA = /(data:[\w/+.-]+;base64,[A-Za-z0-9+/]{16})[A-Za-z0-9+/=]{64,}/g;

/** A sample as it is shown: megabytes of base64 tell nobody anything. */
export function abbreviated(code: string): string {
  return code.replaceAll(LONG_DATA, '$1…');
}
