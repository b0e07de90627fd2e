/** A GGUF model of a repository or a folder: one file, or the parts of a split one in order. */
export interface SplitPart {
  /** From 1. */
  readonly part: number;
  /** The paths of all parts, in order. */
  readonly names: readonly string[];
}

/** llama.cpp names the parts of a split model `<prefix>-00001-of-00003.gguf`. Undefined for a file that is no part. */
export function splitPart(name: string): SplitPart | undefined {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i.exec(name);
  if (match === null) return undefined;
  const [, prefix, part, count = ''] = match;
  const names = Array.from({ length: Number(count) }, (_, index) => {
    return `${prefix}-${String(index + 1).padStart(5, '0')}-of-${count}.gguf`;
  });
  return { part: Number(part), names };
}

/** Whether a path names a vision projector. */
export function isProjector(path: string): boolean {
  return /(^|\/)[^/]*mmproj[^/]*\.gguf$/i.test(path);
}

/**
 * The type of the weights as the name of a GGUF file tells it, in llama.cpp's capitals: `Q4_K_M` for
 * `gemma-3-4b-it-q4_k_m.gguf`, `F16` for `mmproj-model-fp16.gguf`; undefined where it tells none.
 */
export function encodingInName(path: string): string | undefined {
  const name = path.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '').replace(/^.*\//, '');
  const found = [...name.matchAll(/(?<=^|[-._])((?:I?Q|TQ|MXFP)\d(?:_[A-Z0-9]+)*|BF16|FP?16|FP?32)(?=$|[-.])/gi)].at(
    -1,
  );
  return found?.[1]?.toUpperCase().replace(/^FP/, 'F');
}
