import { KEY_VARIABLE, replaceMarks } from './sample.ts';
import type { Sample, SampleFile } from './sample.ts';

const READ_FILE = `const dataUri = async (path, type) => \`data:\${type};base64,\${await readFile(path, 'base64')}\`;\n\n`;

const PRINT = `for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? '');
}
`;

/** The request as a program for OpenAI's library for JavaScript, in Node. */
export function javascriptSample({ baseUrl, needsKey, body, files }: Sample): string {
  const key = needsKey ? `process.env.${KEY_VARIABLE}` : "'none'";
  return [
    files.length > 0 ? `import { readFile } from 'node:fs/promises';\n` : '',
    `import OpenAI from 'openai';\n\n`,
    files.length > 0 ? READ_FILE : '',
    `const client = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: ${key} });\n\n`,
    `const stream = await client.chat.completions.create(${replaceMarks(JSON.stringify(body, null, 2), files, fromFile)});\n`,
    PRINT,
  ].join('');
}

function fromFile({ name, type }: SampleFile): string {
  return `await dataUri(${JSON.stringify(name)}, ${JSON.stringify(type)})`;
}
