import { useEffect } from 'preact/hooks';
import { announcement } from '../state/announcements.ts';
import { isAnswering, stop } from '../state/ask.ts';
import { currentId } from '../state/conversations.ts';
import { CodeDialog } from './code-dialog.tsx';
import { Composer } from './composer.tsx';
import { ConversationList } from './conversation-list.tsx';
import { DropArea } from './drop-area.tsx';
import { Header } from './header.tsx';
import { ServerNotice } from './server-notice.tsx';
import { SettingsPanel } from './settings-panel.tsx';
import { Thread } from './thread.tsx';

/** The whole page. */
export function App() {
  useEffect(() => {
    addEventListener('keydown', stopOnEscape);
    return () => removeEventListener('keydown', stopOnEscape);
  }, []);
  return (
    <DropArea>
      <Header />
      <div class="columns">
        <ConversationList />
        <main class="conversation">
          <ServerNotice />
          <Thread key={currentId.value} />
          <Composer />
        </main>
        <SettingsPanel />
      </div>
      <CodeDialog />
      <div class="visually-hidden" role="status">
        {announcement.value}
      </div>
    </DropArea>
  );
}

/** In an open dialog, Escape closes it. */
function stopOnEscape(event: KeyboardEvent): void {
  if (event.key === 'Escape' && isAnswering.value && document.querySelector('dialog[open]') === null) stop();
}
