import { readFileSync, writeFileSync } from 'node:fs';

const key = Buffer.from('tokenizer.chat_template');

/** Writes a copy of a GGUF file whose chat template is another one, which must not be longer. */
export function writeWithTemplate(path: string, copyPath: string, template: string): void {
  const file = readFileSync(path);
  // After the key: the type of a value, a length of 8 bytes, the text.
  const lengthAt = file.indexOf(key) + key.length + 4;
  const length = Number(file.readBigUInt64LE(lengthAt));
  const filler = length - Buffer.byteLength(template);
  if (filler !== 0 && filler < '{##}'.length) throw new Error(`The template takes ${-filler} bytes too many.`);
  file.write(template + (filler === 0 ? '' : `{#${' '.repeat(filler - '{##}'.length)}#}`), lengthAt + 8);
  writeFileSync(copyPath, file);
}
