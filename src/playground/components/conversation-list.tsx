import { Plus } from 'lucide-preact';
import { conversations, isUnsaved, startConversation } from '../state/conversations.ts';
import { isListNarrow, isListOpen } from '../state/screen.ts';
import { ConversationItem } from './conversation-item.tsx';
import { Panel } from './panel.tsx';

export function ConversationList() {
  return (
    <Panel label="Conversations" class="list-panel" isNarrow={isListNarrow} isOpen={isListOpen}>
      <button
        type="button"
        class="button new-button"
        onClick={() => {
          startConversation();
          isListOpen.value = false;
        }}
      >
        <Plus size={16} aria-hidden="true" /> New conversation
      </button>
      <ul class="conversation-list">
        {conversations.value.map((conversation) => (
          <ConversationItem key={conversation.id} conversation={conversation} />
        ))}
      </ul>
      {isUnsaved.value && <p class="hint">This browser keeps no more conversations: it has no space left for them.</p>}
      <p class="hint">Conversations stay in this browser.</p>
    </Panel>
  );
}
