/** A part of a split GGUF model. */
export interface SplitPart {
  /** From 1. */
  readonly part: number;
  /** The paths of all parts, in order. */
  readonly names: readonly string[];
}

/** llama.cpp names the parts of a split model `<prefix>-00001-of-00003.gguf`. Undefined for a file that is no part. */
export function splitPart(name: string): SplitPart | undefined {
  const match = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i.exec(name);
  if (match === null) return undefined;
  const [, prefix, part, count = '', extension] = match;
  const names = Array.from({ length: Number(count) }, (_, index) => {
    return `${prefix}-${String(index + 1).padStart(5, '0')}-of-${count}${extension}`;
  });
  return { part: Number(part), names };
}

/** Whether a path names a GGUF file. */
export function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/** Whether a path names a vision projector: `mmproj-F16.gguf`, `gemma.mmproj-q8_0.gguf`, `mmproj/model-f16.gguf`. */
export function isProjectorName(path: string): boolean {
  return /mm[-_]?proj[^/]*\.gguf$|(^|\/)mm[-_]?proj[^/]*\//i.test(path);
}

/**
 * The kind of a file whose name rules out a model: an importance matrix (`imatrix_unsloth.gguf`), unless the name also
 * contains a type of weights, which then were quantized with one; a drafter with one of llama.cpp's prefixes; a
 * vocabulary.
 */
export function companionKindInName(path: string): 'imatrix' | 'drafter' | 'vocabulary' | undefined {
  const name = stemOf(path);
  if (/(^|[-_.])imatrix([-_.]|$)/.test(name) && encodingInName(path) === undefined) return 'imatrix';
  if (/^(mtp|eagle3|dflash|dspark)([-_.]|$)/.test(name)) return 'drafter';
  return name.startsWith('ggml-vocab-') ? 'vocabulary' : undefined;
}

/** Whether a name leaves open if the file holds a model with a draft head or the head alone. The tensors tell. */
export function mayBeDraftHead(path: string): boolean {
  return /(^|[-_./])(mtp|nextn|draft|drafter)(?=[-_./])/i.test(path);
}

const TYPE = String.raw`(?:I?Q|P?TQ|MXFP|NVFP)\d+(?:_(?:\d|K|KS|KSS|KT|XXS|XS|S|M|L|XL|NL|H|MOE|HIFI))*|BF16|FP?16|FP?32`;

/** A type of weights in a name, after the mark of a publisher's own recipe (`UD-`), if any. */
const TYPE_PATTERN = new RegExp(String.raw`(?<=^|[-._ ])(UD-|i1-)?(${TYPE})(?=$|[-._ ])`, 'gi');

/**
 * The type of the weights in the name of a GGUF file, in llama.cpp's capitals: `Q4_K_M` for `gemma-3-4b-it-q4_k_m.gguf`,
 * `F16` for `mmproj-model-fp16.gguf`, `Q4_K_XL` for `gemma-UD-Q4_K_XL.gguf`; else the type in its folder's name;
 * undefined without either.
 */
export function encodingInName(path: string): string | undefined {
  return encodingsInName(path).at(-1);
}

/** Whether a name contains this type of weights, with the publisher's mark (`ud-q4_k_xl`) or without (`q4_k_xl`). */
export function tellsEncoding(path: string, asked: string): boolean {
  return encodingsInName(path).includes(asked.toUpperCase());
}

/** Whether it contains exactly this type, without a mark that was not asked for. */
export function tellsExactly(path: string, asked: string): boolean {
  return encodingsInName(path)[0] === asked.toUpperCase();
}

/** The type with its mark, if any, then without. */
function encodingsInName(path: string): string[] {
  for (const part of bare(path).split('/').toReversed()) {
    const found = [...part.matchAll(TYPE_PATTERN)].at(-1);
    if (found === undefined) continue;
    const [, mark = '', type = ''] = found;
    const name = type.toUpperCase().replace(/^FP/, 'F');
    return mark === '' ? [name] : [`${mark.toUpperCase()}${name}`, name];
  }
  return [];
}

/** The name of a model without folder, type and part: the same for all types it is published in. */
export function stemOf(path: string): string {
  const name = bare(path).replace(/^.*\//, '');
  return name
    .replaceAll(TYPE_PATTERN, '')
    .replaceAll(/([-._ ])[-._ ]+/g, '$1')
    .replaceAll(/^[-._ ]|[-._ ]$/g, '')
    .toLowerCase();
}

/** The same with its folders. */
export function modelKeyOf(path: string): string {
  return `${placeOf(path)}${stemOf(path)}`;
}

/** Words of file names that do not identify a model. */
const PLAIN_WORDS = new Set(['mmproj', 'mm', 'proj', 'projector', 'model', 'ggml', 'gguf', 'clip', 'encoder', 'text']);

/** The words and numbers by which a projector and its model are paired: `gemma`, `3`, `4b`, `it`. */
export function nameTokens(path: string): string[] {
  const tokens = stemOf(path).match(/\d+[bm](?![a-z])|\d+|\p{L}+/gu) ?? [];
  return tokens.filter((token) => !PLAIN_WORDS.has(token));
}

/** The folder of a path with its slash; empty at the top. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The folder without those that only sort files by type (`BF16/`, `UD-Q4_K_XL/`) or hold the projectors (`mmproj/`). */
export function placeOf(path: string): string {
  const folders = folderOf(path).split('/').slice(0, -1);
  const kept = folders.filter((folder) => !/^mm[-_]?proj/i.test(folder) && !isTypeFolder(folder));
  return kept.map((folder) => `${folder}/`).join('');
}

/** Whether a folder only sorts files by type. */
export function isTypeFolder(name: string): boolean {
  return stemOf(`${name}.gguf`) === '';
}

function bare(path: string): string {
  return path.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '');
}
