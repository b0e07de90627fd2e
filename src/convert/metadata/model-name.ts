/** What the parts of a model's name mean. */
export interface ModelName {
  readonly name: string | undefined;
  readonly organization: string | undefined;
  readonly basename: string | undefined;
  readonly finetune: string | undefined;
  readonly version: string | undefined;
  readonly sizeLabel: string | undefined;
}

type Kind = 'basename' | 'sizeLabel' | 'finetune' | 'version' | 'type';

interface Part {
  text: string;
  readonly kinds: Set<Kind>;
}

const versionPattern = /^(?:v|iter)?\d+(?:\.\d+)*$/i;
const typePattern = /^(?:i?q\d(?:_\w)*|b?fp?(?:16|32))$/i;
const sizePattern = /^(?:(?:A|\d+x)?\d+(?:[._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl)$/i;
const finetunePattern = /^(?:chat|instruct|vision|lora)$/i;

/**
 * Takes a model's name or repository id apart, as gguf-py's `Metadata.get_model_id_components` does: "gemma-3-4b-it" is
 * the basename "gemma-3", the size label "4B" and the finetune "it". A size far from `parameterCount` is a context
 * length and so part of the finetune. Without any recognizable part there is no basename.
 */
export function parseModelName(id: string, parameterCount: number): ModelName {
  const nothing = { organization: undefined, basename: undefined, finetune: undefined, version: undefined };
  if (id.includes(' ')) return { ...nothing, name: id, sizeLabel: undefined };
  const slash = id.indexOf('/');
  const organization = slash < 0 || id.startsWith('.') ? undefined : id.slice(0, slash);
  const name = id.slice(slash + 1);
  const parts = name
    .split('-')
    .filter((text) => text !== '')
    .map((text, i) => classify(text, i, parameterCount));
  dropWordSizes(parts);
  markBasename(parts);
  const of = (kind: Kind): string[] => parts.filter(({ kinds }) => kinds.has(kind)).map(({ text }) => text);
  const sizeLabel = joined([...new Set(of('sizeLabel'))]);
  const finetune = joined(of('finetune'));
  const version = joined(
    parts.filter(({ kinds }) => kinds.has('version') && !kinds.has('basename')).map(({ text }) => text),
  );
  const isAmbiguous = sizeLabel === undefined && finetune === undefined && version === undefined;
  const basename = isAmbiguous ? undefined : joined(of('basename'));
  return { name: name || undefined, organization, basename, finetune, version, sizeLabel };
}

function joined(texts: readonly string[]): string | undefined {
  return texts.join('-') || undefined;
}

/** A name for people to read: "gemma-3-4b-it" is "Gemma 3 4b It". Words with capitals, versions and sizes stay. */
export function titleOf(name: string): string {
  return name
    .trim()
    .replaceAll('-', ' ')
    .split(/\s+/)
    .map((word) => (isLowerCase(word) && !/^(?:v\d+(?:\.\d+)*|\d.*)$/.test(word) ? capitalized(word) : word))
    .join(' ');
}

function isLowerCase(word: string): boolean {
  return word === word.toLowerCase() && word !== word.toUpperCase();
}

function capitalized(word: string): string {
  return word.replace(/\p{L}+/gu, (letters) => letters.charAt(0).toUpperCase() + letters.slice(1));
}

function classify(text: string, position: number, parameterCount: number): Part {
  if (versionPattern.test(text)) return { text, kinds: new Set(['version']) };
  if (typePattern.test(text)) return { text: text.toUpperCase(), kinds: new Set(['type']) };
  if (position > 0 && sizePattern.test(text)) return classifySize(text, parameterCount);
  if (position > 0 && finetunePattern.test(text)) return { text, kinds: new Set(['finetune']) };
  return { text, kinds: new Set() };
}

function classifySize(part: string, parameterCount: number): Part {
  let text = part.replaceAll('_', '.');
  // "7b1" is 7.1B.
  if (/\d$/.test(text)) text = `${text.slice(0, -2)}.${text.slice(-1)}${text.slice(-2, -1)}`;
  if (/\d[kmbt]$/.test(text)) text = text.slice(0, -1) + text.slice(-1).toUpperCase();
  const power = ' KMBT'.indexOf(text.slice(-1));
  const labelled =
    /^\d+(?:\.\d+)?$/.test(text.slice(0, -1)) && power > 0 ? Number(text.slice(0, -1)) * 1000 ** power : undefined;
  const isContextLength =
    labelled !== undefined && Math.abs(labelled - parameterCount) > Math.floor((7 * parameterCount) / 8);
  if (parameterCount > 0 && isContextLength) {
    return { text: text.slice(0, -1) + text.slice(-1).toLowerCase(), kinds: new Set(['finetune']) };
  }
  return { text, kinds: new Set(['sizeLabel']) };
}

/** "large" is no size beside "7B". */
function dropWordSizes(parts: readonly Part[]): void {
  const sizes = parts.filter(({ kinds }) => kinds.has('sizeLabel'));
  if (!sizes.some(({ text }) => /\d/.test(text))) return;
  for (const { text, kinds } of sizes) if (/^\p{L}+$/u.test(text)) kinds.delete('sizeLabel');
}

/** The words and versions at the start are the basename, but for versions at its end; any later word is finetune. */
function markBasename(parts: readonly Part[]): void {
  const isStart = ({ text, kinds }: Part): boolean =>
    (kinds.size === 0 && /^\p{L}/u.test(text)) || kinds.has('version');
  const end = parts.findIndex((part) => !isStart(part));
  for (const [i, { kinds }] of parts.entries()) {
    if (end === -1 || i < end) kinds.add('basename');
    else if (kinds.size === 0) kinds.add('finetune');
  }
  for (const { kinds } of parts.toReversed()) {
    if (!kinds.has('basename') || kinds.size === 1) break;
    kinds.delete('basename');
  }
}
