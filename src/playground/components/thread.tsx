import { useEffect, useRef } from 'preact/hooks';
import type { Turn } from '../requests/conversation.ts';
import { current } from '../state/conversations.ts';
import { AnswerCard } from './answer-card.tsx';
import { AttachmentStrip } from './attachment-strip.tsx';
import { Welcome } from './welcome.tsx';

/** How far from the end the reader may be, in pixels, and still follow an answer. */
const NEAR_END_PX = 80;

export function Thread() {
  const { turns } = current.value;
  const area = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    // Pictures grow when they are loaded, long after the answer has ended.
    const observer = new ResizeObserver(() => {
      if (follows.current) area.current?.scrollTo({ top: area.current.scrollHeight });
    });
    if (content.current !== null) observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div
      ref={area}
      class="thread"
      role="region"
      aria-label="Conversation"
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
      }}
    >
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
