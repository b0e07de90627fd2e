import { KEY_VARIABLE, replaceMarks } from './sample.ts';
import type { Sample, SampleFile } from './sample.ts';

/** The request as a command of curl, for POSIX shells. The body may be too long for an argument, so it comes from stdin. */
export function curlSample({ baseUrl, needsKey, body, files }: Sample): string {
  const json = JSON.stringify(body, null, 2);
  const key = needsKey ? [`-H "Authorization: Bearer $${KEY_VARIABLE}"`] : [];
  const command = [
    `curl --no-buffer ${shellQuoted(`${baseUrl}/chat/completions`)}`,
    ...key,
    `-H 'Content-Type: application/json'`,
    files.length === 0 ? `--data-binary @- <<'JSON'` : '--data-binary @- <<JSON',
  ].join(' \\\n  ');
  const input = files.length === 0 ? json : replaceMarks(json, files, fromFile, escaped);
  return `${command}\n${input}\nJSON\n`;
}

/** What the shell would otherwise replace in the text. */
function escaped(text: string): string {
  return text.replaceAll(/[\\$`]/g, '\\$&');
}

function fromFile({ name, type }: SampleFile): string {
  return `"data:${type};base64,$(base64 < ${shellQuoted(name)} | tr -d '\\n')"`;
}

function shellQuoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
