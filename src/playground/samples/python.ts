import { isRecord } from '../requests/json.ts';
import type { JsonRecord } from '../requests/json.ts';
import { KEY_VARIABLE, replaceMarks } from './sample.ts';
import type { Sample, SampleFile } from './sample.ts';

/** What OpenAI's library for Python takes as arguments. Other fields go through its `extra_body`. */
const ARGUMENTS = new Set([
  'model',
  'messages',
  'temperature',
  'top_p',
  'max_tokens',
  'seed',
  'response_format',
  'stream',
  'stream_options',
]);

const READ_FILE = `
def data_uri(path, type):
    with open(path, "rb") as file:
        return f"data:{type};base64,{base64.b64encode(file.read()).decode()}"

`;

const PRINT = `for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
`;

/** The request as a program for OpenAI's library for Python. */
export function pythonSample({ baseUrl, needsKey, body, files }: Sample): string {
  const imports = [...(files.length > 0 ? ['import base64'] : []), ...(needsKey ? ['import os'] : [])];
  const key = needsKey ? `os.environ["${KEY_VARIABLE}"]` : '"none"';
  const call = Object.entries(argumentsOf(body))
    .map(([name, value]) => `    ${name}=${literal(value, '    ')},\n`)
    .join('');
  return [
    ...imports.map((line) => `${line}\n`),
    ...(imports.length > 0 ? ['\n'] : []),
    'from openai import OpenAI\n',
    files.length > 0 ? `\n${READ_FILE}` : '',
    `\nclient = OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=${key})\n\n`,
    `stream = client.chat.completions.create(\n${replaceMarks(call, files, fromFile)})\n`,
    PRINT,
  ].join('');
}

function argumentsOf(body: JsonRecord): JsonRecord {
  const fields = Object.entries(body);
  const others = fields.filter(([name]) => !ARGUMENTS.has(name));
  const known = Object.fromEntries(fields.filter(([name]) => ARGUMENTS.has(name)));
  return others.length === 0 ? known : { ...known, extra_body: Object.fromEntries(others) };
}

/** A value of JSON as Python writes it. Strings are the same in both. */
function literal(value: unknown, indent: string): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  const inner = `${indent}    `;
  if (Array.isArray(value))
    return block(
      '[',
      value.map((item) => literal(item, inner)),
      ']',
      indent,
    );
  if (!isRecord(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${literal(item, inner)}`);
  return block('{', entries, '}', indent);
}

function block(open: string, items: readonly string[], close: string, indent: string): string {
  if (items.length === 0) return open + close;
  return `${open}\n${items.map((item) => `${indent}    ${item},\n`).join('')}${indent}${close}`;
}

function fromFile({ name, type }: SampleFile): string {
  return `data_uri(${JSON.stringify(name)}, ${JSON.stringify(type)})`;
}
