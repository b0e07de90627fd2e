import type { Message } from '../../client/index.ts';
import type { Settings, TurnDistribution } from '../../settings/index.ts';
import { systemMessage, userMessage } from '../ask/question.ts';
import { readDataset } from './datasets.ts';
import type { FileConversation } from './datasets.ts';
import { around, drawn, seeded } from './random.ts';
import type { Random } from './random.ts';
import { pictureSize, randomPicture } from './random-picture.ts';

/** Common words, most of which are one token in every vocabulary. */
const WORDS =
  'the of and to in is that it was for on are with as his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know'.split(
    ' ',
  );

export type ConversationSettings = Pick<
  Settings,
  | 'numPrompts'
  | 'numChatSessions'
  | 'delayBetweenChatTurns'
  | 'datasetName'
  | 'datasetPath'
  | 'randomInputLen'
  | 'randomOutputLen'
  | 'randomNumTurns'
  | 'randomRangeRatio'
  | 'randomSysPromptRatio'
  | 'randomMaxNumUniqueSysPrompt'
  | 'imageFraction'
  | 'imageCount'
  | 'imageLongSide'
  | 'imageAspectRatio'
  | 'randomImageSize'
>;

/** A request of the benchmark. */
export interface Turn {
  readonly message: Message;
  readonly maxTokens: number;
  /** How long its user takes to think, after the answer before it. */
  readonly delayMs: number;
}

/** Requests that follow one another, each with the answers before it. */
export interface Conversation {
  /** What all of its requests begin with. */
  readonly system: readonly Message[];
  readonly turns: readonly Turn[];
}

/**
 * The conversations of a run: of one turn each, unless `--num-chat-sessions` asks for more. The same settings and seed give
 * the same ones. Throws `invalid_setting`.
 */
export async function makeConversations(
  settings: ConversationSettings,
  seed: number,
): Promise<readonly Conversation[]> {
  const random = seeded(seed);
  const fromFile = await readDataset(settings);
  const prefixes = systemPrompts(settings, random);
  const conversations: Conversation[] = [];
  for (let place = 0; place < (settings.numChatSessions ?? settings.numPrompts); place += 1) {
    const system = prefixes[place % prefixes.length];
    const given = fromFile?.[place % fromFile.length];
    conversations.push({ system: systemMessage(system), turns: await makeTurns(settings, given, random) });
  }
  return conversations;
}

/** The texts that random conversations begin with, of which each has one; none by default. */
function systemPrompts(settings: ConversationSettings, random: Random): readonly string[] {
  const { randomSysPromptRatio: ratio, randomMaxNumUniqueSysPrompt: count, randomInputLen } = settings;
  if (ratio === 0 || settings.datasetName !== 'random') return [];
  return Array.from({ length: count }, () =>
    randomText(Math.max(1, Math.round(ratio * drawn(randomInputLen.first, random))), random),
  );
}

async function makeTurns(
  settings: ConversationSettings,
  given: FileConversation | undefined,
  random: Random,
): Promise<readonly Turn[]> {
  const isChat = settings.numChatSessions !== undefined;
  const wanted = isChat ? Math.max(1, Math.round(drawn(settings.randomNumTurns.first, random))) : 1;
  const count = given === undefined || !isChat ? wanted : given.length;
  const turns: Turn[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    const { text = randomPrompt(settings, turn, random), imageUrl } = given?.[turn] ?? {};
    const urls = [...(imageUrl === undefined ? [] : [imageUrl]), ...(await randomPictures(settings, random))];
    turns.push({
      message: userMessage(text, urls),
      maxTokens: lengthOf(settings.randomOutputLen, settings, turn, random),
      delayMs: turn === 0 ? 0 : Math.max(0, drawn(settings.delayBetweenChatTurns.later, random)),
    });
  }
  return turns;
}

async function randomPictures(settings: ConversationSettings, random: Random): Promise<readonly string[]> {
  const count = random() < settings.imageFraction ? settings.imageCount : 0;
  const urls: string[] = [];
  for (let image = 0; image < count; image += 1) urls.push(await randomPicture(pictureSize(settings), random));
  return urls;
}

/** What is left of its length beside the system prompt, in the first turn. */
function randomPrompt(settings: ConversationSettings, turn: number, random: Random): string {
  const length = lengthOf(settings.randomInputLen, settings, turn, random);
  const own = turn === 0 ? length * (1 - settings.randomSysPromptRatio) : length;
  return randomText(Math.max(1, Math.round(own)), random);
}

function lengthOf(
  { first, later }: TurnDistribution,
  { randomRangeRatio }: ConversationSettings,
  turn: number,
  random: Random,
): number {
  const distribution = turn === 0 ? first : later;
  const isConstant = distribution.name === 'constant';
  return around(Math.max(1, drawn(distribution, random)), isConstant ? randomRangeRatio : 0, random);
}

function randomText(length: number, random: Random): string {
  return Array.from({ length }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');
}
