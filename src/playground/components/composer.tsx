import { ArrowUp, Camera, Paperclip, Square } from 'lucide-preact';
import { useRef } from 'preact/hooks';
import { ask, askProblem, isAnswering, stop } from '../state/ask.ts';
import { attach, attachments, attachProblem, detach, question } from '../state/draft.ts';
import { model } from '../state/server.ts';
import { AttachmentStrip } from './attachment-strip.tsx';
import { IconButton } from './icon-button.tsx';

const COMMAND_KEY = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';

export function Composer() {
  return (
    <form
      class="composer"
      aria-label="Question"
      onSubmit={(event) => {
        event.preventDefault();
        void ask();
      }}
    >
      <AttachmentStrip attachments={attachments.value} onRemove={detach} />
      {attachProblem.value !== '' && (
        <p class="problem" role="alert">
          {attachProblem.value}
        </p>
      )}
      <label class="visually-hidden" for="question">
        Question
      </label>
      <textarea
        id="question"
        rows={2}
        placeholder="Ask about a picture"
        aria-describedby="question-keys"
        value={question.value}
        onInput={(event) => {
          question.value = event.currentTarget.value;
        }}
        onKeyDown={askAtEnter}
        onPaste={attachPasted}
      />
      <div class="composer-bar">
        <AttachButtons />
        <span class="hint keys" id="question-keys">
          <kbd>{COMMAND_KEY}</kbd> <kbd>Enter</kbd> sends, <kbd>Esc</kbd> stops
        </span>
        <SendButton />
      </div>
    </form>
  );
}

/** One button, so that the keyboard's focus stays on it. It is never disabled, which would take the focus away. */
function SendButton() {
  const isBusy = isAnswering.value;
  const problem = isBusy ? undefined : askProblem.value;
  const Icon = isBusy ? Square : ArrowUp;
  return (
    <button
      type="button"
      class="button button-strong"
      aria-disabled={problem !== undefined}
      title={problem}
      onClick={() => (isBusy ? stop() : void ask())}
    >
      <Icon size={15} aria-hidden="true" /> {isBusy ? 'Stop' : 'Send'}
    </button>
  );
}

function AttachButtons() {
  const files = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const takesDocuments = model.value?.takesDocuments === true;
  if (model.value?.takesImages === false && !takesDocuments)
    return <span class="hint">This model takes text only.</span>;
  return (
    <div class="attach-buttons">
      <IconButton
        icon={Paperclip}
        label={takesDocuments ? 'Attach pictures or PDFs' : 'Attach pictures'}
        onClick={() => files.current?.click()}
      />
      <IconButton icon={Camera} class="camera" label="Take a picture" onClick={() => camera.current?.click()} />
      <input
        ref={files}
        type="file"
        hidden
        multiple
        accept={takesDocuments ? 'image/*,.heic,.heif,application/pdf' : 'image/*,.heic,.heif'}
        onChange={attachChosen}
      />
      <input ref={camera} type="file" hidden accept="image/*" capture="environment" onChange={attachChosen} />
    </div>
  );
}

function attachChosen(event: Event): void {
  const input = event.currentTarget as HTMLInputElement;
  void attach([...(input.files ?? [])]);
  // So that the same file can be chosen again.
  input.value = '';
}

function attachPasted(event: ClipboardEvent): void {
  const files = event.clipboardData?.files ?? [];
  if (files.length === 0) return;
  event.preventDefault();
  void attach(files);
}

function askAtEnter(event: KeyboardEvent): void {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  void ask();
}
