import { useState } from 'preact/hooks';
import { apiKey } from '../state/api.ts';
import { server, useKey } from '../state/server.ts';

/** What stands between the user and the model: it is loading, cannot be reached, or needs a key. */
export function ServerNotice() {
  const status = server.value;
  switch (status.phase) {
    case 'loading':
      return <Loading text={status.health.text} progress={status.health.progress} />;
    case 'unreachable':
      return <p class="notice notice-bad">The server cannot be reached. Trying again…</p>;
    case 'failed':
      return <p class="notice notice-bad">{status.message}</p>;
    case 'locked':
      return <KeyForm message={status.message} />;
    case 'connecting':
    case 'ready':
      break;
  }
  return null;
}

function Loading({ text, progress }: { readonly text: string; readonly progress: number | undefined }) {
  const percent = progress === undefined ? undefined : Math.round(100 * progress);
  return (
    <div class="notice">
      <p id="loading-text">
        {text}
        {percent === undefined ? '…' : `, ${String(percent)} %`}
      </p>
      {percent !== undefined && <progress max={100} value={percent} aria-labelledby="loading-text" />}
    </div>
  );
}

function KeyForm({ message }: { readonly message: string }) {
  const [key, setKey] = useState(apiKey.value);
  return (
    <form
      class="notice"
      onSubmit={(event) => {
        event.preventDefault();
        void useKey(key);
      }}
    >
      <p id="key-message">{message}</p>
      <div class="field-row">
        <label class="visually-hidden" for="key">
          API key
        </label>
        <input
          id="key"
          type="password"
          autocomplete="off"
          placeholder="API key"
          aria-describedby="key-message"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <button type="submit" class="button button-strong">
          Use
        </button>
      </div>
    </form>
  );
}
