import { Download, Pencil, Trash2 } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { Conversation } from '../requests/conversation.ts';
import { current, openConversation, removeConversation, renameConversation } from '../state/conversations.ts';
import { exportConversation } from '../state/export.ts';
import { isListOpen } from '../state/screen.ts';
import { IconButton } from './icon-button.tsx';

type Mode = 'shown' | 'renaming' | 'deleting';

export function ConversationItem({ conversation }: { readonly conversation: Conversation }) {
  const [mode, setMode] = useState<Mode>('shown');
  const isCurrent = conversation.id === current.value.id;
  const title = conversation.title === '' ? 'New conversation' : conversation.title;
  if (mode === 'renaming') return <Rename conversation={conversation} onDone={() => setMode('shown')} />;
  return (
    <li class={isCurrent ? 'conversation-item is-current' : 'conversation-item'}>
      <button
        type="button"
        class="conversation-title"
        aria-current={isCurrent ? 'true' : undefined}
        onClick={() => {
          openConversation(conversation.id);
          isListOpen.value = false;
        }}
      >
        {title}
      </button>
      {isCurrent && conversation.turns.length > 0 && mode === 'shown' && (
        <div class="item-actions">
          <IconButton icon={Pencil} label={`Rename ${title}`} onClick={() => setMode('renaming')} />
          <IconButton icon={Download} label={`Export ${title}`} onClick={() => void exportConversation(conversation)} />
          <IconButton icon={Trash2} label={`Delete ${title}`} onClick={() => setMode('deleting')} />
        </div>
      )}
      {mode === 'deleting' && (
        <div class="item-actions">
          <button
            type="button"
            class="button button-small button-bad"
            onClick={() => void removeConversation(conversation.id)}
          >
            Delete
          </button>
          <button type="button" class="button button-small" onClick={() => setMode('shown')}>
            Keep
          </button>
        </div>
      )}
    </li>
  );
}

function Rename({ conversation, onDone }: { readonly conversation: Conversation; readonly onDone: () => void }) {
  const [title, setTitle] = useState(conversation.title);
  return (
    <li class="conversation-item">
      <form
        class="field-row"
        onSubmit={(event) => {
          event.preventDefault();
          if (title.trim() !== '') renameConversation(conversation.id, title.trim());
          onDone();
        }}
      >
        <label class="visually-hidden" for="rename">
          Name of the conversation
        </label>
        <input
          id="rename"
          value={title}
          ref={(input) => input?.focus()}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
        <button type="submit" class="button button-small">
          Save
        </button>
      </form>
    </li>
  );
}
