import type { JsonRecord } from '../requests/json.ts';

/** A request to be written down as a program. */
export interface Sample {
  /** The address of the API, such as `http://localhost:8000/v1`. */
  readonly baseUrl: string;
  readonly needsKey: boolean;
  /** The body. Where it has `fileMark(n)` for a data URI, the program reads `files[n]`. */
  readonly body: JsonRecord;
  readonly files: readonly SampleFile[];
}

export interface SampleFile {
  readonly name: string;
  readonly type: string;
}

/** The environment variable that programs take the key from. */
export const KEY_VARIABLE = 'VSERVE_API_KEY';

/** Stands in a body for the data URI of a file. No text that is typed has this character. */
export function fileMark(index: number): string {
  return `\u0000${String(index)}`;
}

/**
 * Replaces the marks in a body that was written as code, quotes included, and escapes what is between them where the
 * language of the program asks for it.
 */
export function replaceMarks(
  code: string,
  files: readonly SampleFile[],
  write: (file: SampleFile) => string,
  escape = (text: string): string => text,
): string {
  const parts = code.split(/"\\u0000(\d+)"/);
  return parts.map((part, index) => (index % 2 === 0 ? escape(part) : writeFile(files[Number(part)], write))).join('');
}

function writeFile(file: SampleFile | undefined, write: (file: SampleFile) => string): string {
  return file === undefined ? '""' : write(file);
}
