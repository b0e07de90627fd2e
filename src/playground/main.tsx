import { render } from 'preact';
import { App } from './components/app.tsx';
import { openConversations } from './state/conversations.ts';
import { watchServer } from './state/server.ts';

const root = document.querySelector('#app');
if (root !== null) render(<App />, root);
void openConversations();
void watchServer();
