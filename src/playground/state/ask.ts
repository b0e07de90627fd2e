import { computed, signal } from '@preact/signals';
import { newAnswer } from '../requests/answer.ts';
import type { Answer } from '../requests/answer.ts';
import { titleOf } from '../requests/conversation.ts';
import type { Conversation, Turn } from '../requests/conversation.ts';
import type { Model } from '../requests/model.ts';
import { checkSchema } from '../requests/schema.ts';
import { NUMBER_NAMES, numberProblem } from '../requests/settings.ts';
import type { Settings } from '../requests/settings.ts';
import { streamAnswer } from '../requests/stream-answer.ts';
import { keepFile } from '../storage/files.ts';
import { announce } from './announcements.ts';
import { apiHeaders, apiUrl } from './api.ts';
import {
  changeConversation,
  conversations,
  current,
  freeSpace,
  keepConversation,
  showAnswer,
  touchConversation,
} from './conversations.ts';
import { attachments, question, takeDraft } from './draft.ts';
import { newId } from './ids.ts';
import { prepareRequest } from './prepare-request.ts';
import { model, watchServer } from './server.ts';

/** What stops the answers of a conversation, by its id. */
const running = signal<ReadonlyMap<string, AbortController>>(new Map());

export const isAnswering = computed(() => running.value.has(current.value.id));

/** Why nothing can be asked; undefined if it can. */
export const askProblem = computed(() => {
  if (model.value === undefined) return 'The model is not ready.';
  if (current.value.columns.some((settings) => hasProblem(settings, model.value))) return 'Correct the settings first.';
  return question.value.trim() === '' && attachments.value.length === 0 ? 'Write a question.' : undefined;
});

function hasProblem(settings: Settings, model: Model | undefined): boolean {
  const isStructured = settings.isStructured && model?.hasStructuredOutput === true;
  if (isStructured && checkSchema(settings.schema).problem !== undefined) return true;
  return NUMBER_NAMES.some((name) => numberProblem(name, settings[name]) !== undefined);
}

/** Asks the question that is written, once for each of the settings. */
export async function ask(): Promise<void> {
  if (askProblem.value !== undefined || isAnswering.value) return;
  const { id, columns } = current.value;
  const draft = takeDraft();
  const turn: Turn = { id: newId(), ...draft, answers: columns.map(newAnswer) };
  changeConversation(id, (conversation) => ({
    ...conversation,
    title: conversation.title === '' ? titleOf(draft.question, draft.attachments) : conversation.title,
    turns: [...conversation.turns, turn],
  }));
  for (const attachment of draft.attachments) await keepFile(attachment.id, id);
  await answer(id, turn.id);
}

/** Asks the last question of the current conversation again, with the settings as they are now. */
export async function askAgain(): Promise<void> {
  const { id, columns, turns } = current.value;
  const last = turns.at(-1);
  if (last === undefined || isAnswering.value) return;
  const again: Turn = { ...last, answers: columns.map(newAnswer) };
  changeConversation(id, (conversation) => ({ ...conversation, turns: [...conversation.turns.slice(0, -1), again] }));
  await answer(id, last.id);
}

/** Stops the answers of the current conversation. */
export function stop(): void {
  running.value.get(current.value.id)?.abort();
}

async function answer(id: string, turnId: string): Promise<void> {
  const stopper = new AbortController();
  running.value = new Map(running.value).set(id, stopper);
  touchConversation(id);
  await keepConversation(id);
  announce('Answering');
  const { conversation, turn } = findTurn(id, turnId);
  const answers = turn?.answers ?? [];
  await Promise.all(answers.map((_, column) => answerColumn(conversation, turn, column, stopper.signal)));
  // Kept first: what looks finished is there after a reload.
  await keepConversation(id);
  running.value = new Map([...running.value].filter(([key]) => key !== id));
  await freeSpace();
}

function findTurn(id: string, turnId: string): { conversation: Conversation | undefined; turn: Turn | undefined } {
  const conversation = conversations.value.find((candidate) => candidate.id === id);
  return { conversation, turn: conversation?.turns.find((candidate) => candidate.id === turnId) };
}

async function answerColumn(
  conversation: Conversation | undefined,
  turn: Turn | undefined,
  column: number,
  signal: AbortSignal,
): Promise<void> {
  const begun = turn?.answers[column];
  if (conversation === undefined || turn === undefined || begun === undefined || model.value === undefined) return;
  const { settings } = begun;
  const request = await prepareRequest({ model: model.value, conversation, turn, column, settings });
  const show = showPerFrame((answer) => showAnswer(conversation.id, { turnId: turn.id, column }, answer));
  const answer = await streamAnswer({
    url: apiUrl('v1/chat/completions'),
    headers: apiHeaders(),
    body: JSON.stringify(request),
    signal,
    answer: begun,
    onAnswer: show.next,
  });
  show.last(answer);
  announceEnd(answer);
  if (answer.status === 'failed') void watchServer();
}

/** Tokens come faster than a screen can show them. */
function showPerFrame(show: (answer: Answer) => void): {
  next: (answer: Answer) => void;
  last: (answer: Answer) => void;
} {
  let latest: Answer | undefined;
  let frame: number | undefined;
  const draw = (): void => {
    frame = undefined;
    if (latest !== undefined) show(latest);
  };
  return {
    next(answer) {
      latest = answer;
      frame ??= requestAnimationFrame(draw);
    },
    last(answer) {
      if (frame !== undefined) cancelAnimationFrame(frame);
      show(answer);
    },
  };
}

function announceEnd({ status, text, error }: Answer): void {
  if (status === 'failed') announce(`No answer: ${error ?? ''}`);
  else if (status === 'stopped') announce('Stopped');
  else announce(`Answer: ${text}`);
}
