import type { Turn } from '../requests/conversation.ts';
import { current } from '../state/conversations.ts';
import { AnswerCard } from './answer-card.tsx';
import { AttachmentStrip } from './attachment-strip.tsx';
import { useFollowEnd } from './use-follow-end.ts';
import { Welcome } from './welcome.tsx';

export function Thread() {
  const { turns } = current.value;
  const { area, content, onScroll } = useFollowEnd(turns.length);
  return (
    <div ref={area} class="thread" role="region" aria-label="Conversation" tabIndex={0} onScroll={onScroll}>
      <div ref={content}>
        {turns.length === 0 ? (
          <Welcome />
        ) : (
          turns.map((turn, index) => <TurnView key={turn.id} turn={turn} index={index} />)
        )}
      </div>
    </div>
  );
}

function TurnView({ turn, index }: { readonly turn: Turn; readonly index: number }) {
  const isLast = index === current.value.turns.length - 1;
  return (
    <article class="turn">
      <h2 class="visually-hidden">Question {index + 1}</h2>
      <div class="question">
        <AttachmentStrip attachments={turn.attachments} />
        {turn.question !== '' && <p class="question-text">{turn.question}</p>}
      </div>
      <div class={turn.answers.length > 1 ? 'answers is-compared' : 'answers'}>
        {turn.answers.map((answer, column) => (
          <AnswerCard key={column} turn={turn} column={column} answer={answer} isLast={isLast} />
        ))}
      </div>
    </article>
  );
}
