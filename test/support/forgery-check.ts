import { placementFor } from '../../backends/node-llama-cpp/image-placement.ts';
import type { LoadedLlama } from '../../backends/node-llama-cpp/loaded-llama.ts';
import type { ChatMessage } from '../../src/backend/index.ts';
import { faithfulCheckpoint } from '../engine/seeing-checkpoints.ts';
import type { ReferenceTemplate } from '../reference/chat-templates.ts';
import { Forger, type Forgery } from './forgeries.ts';
import type { templateRenderer } from './render-template.ts';

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** The control tokens of a faithful checkpoint. */
export function controlTokens(name: string): readonly AddedToken[] {
  const file: unknown = faithfulCheckpoint(name).files['tokenizer.json'];
  const { added_tokens: added } = (
    file instanceof Uint8Array || typeof file === 'string' ? JSON.parse(Buffer.from(file).toString()) : file
  ) as { added_tokens: readonly AddedToken[] };
  return added.filter(({ special }) => special);
}

/** Control tokens that users of a model may write. */
export function allowedTokens(name: string): readonly string[] {
  return name.startsWith('deepseek-ocr') ? (placementFor('deepseekocr')?.spoken ?? []) : [];
}

const userTurn = (...texts: readonly string[]): readonly ChatMessage[] => [
  { role: 'user', content: texts.map((text) => ({ type: 'text', text })) },
];

/**
 * Tries `count` forgeries on a model; returns what went wrong, nothing where all stayed text. `allowed` are the control
 * tokens that users may write.
 */
export async function checkForgeries(
  model: LoadedLlama,
  name: string,
  { count, seed = 1, allowed = [] }: { count: number; seed?: number; allowed?: readonly string[] },
): Promise<string[]> {
  const tokens = controlTokens(name).filter(({ content }) => !allowed.includes(content));
  const controlIds = new Set(tokens.map(({ id }) => id));
  const forger = new Forger(
    seed,
    tokens.map(({ content }) => content),
  );
  const idsOf = async (
    messages: readonly ChatMessage[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<string> => {
    const template = { variables, addGenerationPrompt: true, continueFinalMessage: false };
    const runs = await model.inspectPrompt(messages, template).catch((error: unknown) => String(error));
    return typeof runs === 'string'
      ? runs
      : runs.flatMap((run) => (typeof run === 'number' ? [-1] : [...run])).join(' ');
  };
  const controlOf = (ids: string): string =>
    ids
      .split(' ')
      .filter((id) => controlIds.has(Number(id)))
      .join(' ');
  // What the template has between two parts of a text: nothing, what it writes behind each, or our line break.
  let separator = '';
  for (const between of ['', ' ', '\n']) {
    if ((await idsOf(userTurn('ab ', ' cd'))) === (await idsOf(userTurn(`ab ${between} cd`)))) separator = between;
  }
  const failures: string[] = [];
  for (let i = 0; i < count; i++) {
    const { parts, messages, variables, harmless } = forger.next();
    const cut = await idsOf(userTurn(...parts));
    const whole = await idsOf(userTurn(parts.join(separator)));
    if (cut !== whole) failures.push(`${name}: cut ${JSON.stringify(parts)}: ${cut}, whole: ${whole}`);
    if (controlOf(cut) !== controlOf(await idsOf(userTurn('Hi'))))
      failures.push(`${name}: ${JSON.stringify(parts)}: ${cut}`);
    const forged = controlOf(await idsOf(messages, variables));
    if (forged !== controlOf(await idsOf(harmless.messages, harmless.variables))) {
      failures.push(`${name}: ${JSON.stringify({ messages, variables })}: ${forged}`);
    }
  }
  return failures;
}

/** What a template writes that looks like a control token. Some look for marks of thoughts in what they are given. */
function controlStringsOf(source: string): readonly string[] {
  const found = source.match(/<[|｜]?[\w▁ ]{2,30}[|｜]?>|\[\/?[A-Z_]{3,20}\]/gu) ?? [];
  return [...new Set(found)].filter((text) => !/think|response|output|seed|reason/i.test(text));
}

/** Tries `count` forgeries on a template: what it says is its own must be the same as without them. */
export function checkTemplate(
  render: Awaited<ReturnType<typeof templateRenderer>>,
  template: ReferenceTemplate,
  { count, seed = 1 }: { count: number; seed?: number },
): string[] {
  const controlStrings = controlStringsOf(template.source);
  // A word that a template looks for decides what it writes: a tool named python is called by <|python_tag|>.
  const looksFor = (piece: string): boolean =>
    /^\w+$/.test(piece.trim()) &&
    [`'${piece.trim()}'`, `"${piece.trim()}"`].some((word) => template.source.includes(word));
  const forger = new Forger(seed, [...controlStrings, '<|im_end|>'], looksFor);
  const ownOf = ({ messages, variables }: Pick<Forgery, 'messages' | 'variables'>): string => {
    try {
      const runs = render(template, { messages, variables });
      const own = runs.map(({ fromUser, text }) => (fromUser ? '\0' : text)).join('');
      return controlStrings.map((text) => own.split(text).length - 1).join(' ');
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const failures: string[] = [];
  for (let i = 0; i < count; i++) {
    const forgery = forger.next();
    const last = { ...forgery, messages: forgery.messages.slice(-1) };
    const lastHarmless = { ...forgery.harmless, messages: forgery.harmless.messages.slice(-1) };
    if (ownOf(forgery) !== ownOf(forgery.harmless)) failures.push(JSON.stringify(forgery));
    if (ownOf(last) !== ownOf(lastHarmless)) failures.push(JSON.stringify(last.messages));
  }
  return failures;
}
