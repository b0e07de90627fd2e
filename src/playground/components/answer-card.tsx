import { isRunning } from '../requests/answer.ts';
import type { Answer } from '../requests/answer.ts';
import { COLUMN_NAMES } from '../requests/conversation.ts';
import type { Turn } from '../requests/conversation.ts';
import { figuresOf } from '../requests/figures.ts';
import { AnswerActions } from './answer-actions.tsx';
import { AnswerText } from './answer-text.tsx';
import { BoxesFigure } from './boxes-figure.tsx';
import { Figures } from './figures.tsx';
import { Receipts } from './receipts.tsx';

interface AnswerCardProps {
  readonly turn: Turn;
  readonly column: number;
  readonly answer: Answer;
  readonly isLast: boolean;
}

export function AnswerCard({ turn, column, answer, isLast }: AnswerCardProps) {
  const isCompared = turn.answers.length > 1;
  const name = isCompared ? `Answer ${COLUMN_NAMES[column] ?? ''}` : 'Answer';
  const running = isRunning(answer);
  return (
    <section class="answer" aria-label={name} aria-busy={running}>
      {isCompared && <h3 class="answer-name">{name}</h3>}
      <Reasoning answer={answer} />
      {answer.status === 'waiting' && answer.reasoning === '' && <Waiting progress={answer.promptProgress} />}
      <AnswerText answer={answer} />
      {answer.error !== undefined && (
        <p class="problem" role="alert">
          {answer.error}
        </p>
      )}
      {!running && <BoxesFigure text={answer.text} turn={turn} answer={answer} />}
      {noteOn(answer) !== '' && <p class="hint">{noteOn(answer)}</p>}
      {!running && <Figures figures={figuresOf(answer)} />}
      {!running && <Receipts details={answer.imageDetails ?? []} attachments={turn.attachments} />}
      {!running && <AnswerActions turn={turn} column={column} answer={answer} isLast={isLast} />}
    </section>
  );
}

function noteOn({ status, finishReason }: Answer): string {
  if (status === 'stopped') return 'Stopped';
  return status === 'done' && finishReason === 'length' ? 'Cut off at the maximum number of tokens' : '';
}

function Reasoning({ answer: { reasoning, text, status } }: { readonly answer: Answer }) {
  if (reasoning === '') return null;
  const isThinking = status === 'streaming' && text === '';
  return (
    <details class="reasoning">
      <summary>{isThinking ? 'Reasoning…' : 'Reasoning'}</summary>
      <p class="reasoning-text">{reasoning}</p>
    </details>
  );
}

function Waiting({ progress = 0 }: { readonly progress: number | undefined }) {
  const isKnown = progress > 0 && progress < 1;
  return (
    <p class="hint waiting">{isKnown ? `Reading the question, ${String(Math.round(100 * progress))} %` : 'Waiting…'}</p>
  );
}
