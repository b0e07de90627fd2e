import { model } from '../state/server.ts';

export function Welcome() {
  const takesImages = model.value?.takesImages !== false;
  return (
    <div class="welcome">
      <h2>{takesImages ? 'Ask about a picture' : 'Ask a question'}</h2>
      {takesImages && <p>Drop one or more anywhere on this page, paste them, or attach them below.</p>}
      <p>What you ask goes to this server only.</p>
    </div>
  );
}
