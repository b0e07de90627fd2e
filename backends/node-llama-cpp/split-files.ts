import type { ModelFiles } from '../../src/backend/index.ts';

/** All files of a model, given the first: llama.cpp splits large ones as `name-00001-of-00003.gguf` and so on. */
export function splitFiles(modelPath: string): string[] {
  const [, stem, count] = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(modelPath) ?? [];
  if (stem === undefined || count === undefined) return [modelPath];
  return Array.from(
    { length: Number(count) },
    (_, index) => `${stem}-${String(index + 1).padStart(5, '0')}-of-${count}.gguf`,
  );
}

/** All files of a model. */
export function filesOf({ modelPath, mmprojPath }: ModelFiles): string[] {
  return [...splitFiles(modelPath), ...(mmprojPath === undefined ? [] : [mmprojPath])];
}
