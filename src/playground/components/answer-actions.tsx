import { Code, RotateCcw } from 'lucide-preact';
import type { Answer } from '../requests/answer.ts';
import type { Turn } from '../requests/conversation.ts';
import { askAgain, isAnswering } from '../state/ask.ts';
import { shownCode } from '../state/shown-code.ts';
import { CopyButton } from './copy-button.tsx';
import { IconButton } from './icon-button.tsx';

interface AnswerActionsProps {
  readonly turn: Turn;
  readonly column: number;
  readonly answer: Answer;
  readonly isLast: boolean;
}

export function AnswerActions({ turn, column, answer, isLast }: AnswerActionsProps) {
  const { settings, text } = answer;
  return (
    <div class="answer-actions">
      {text !== '' && <CopyButton label="Copy the answer" textOf={() => text} />}
      <IconButton
        icon={Code}
        label="Copy the request as code"
        onClick={() => {
          shownCode.value = { turn, column, settings };
        }}
      />
      {isLast && !isAnswering.value && (
        <IconButton icon={RotateCcw} label="Ask again" onClick={() => void askAgain()} />
      )}
    </div>
  );
}
