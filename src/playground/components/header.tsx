import { Menu, SlidersHorizontal } from 'lucide-preact';
import { server } from '../state/server.ts';
import { areSettingsNarrow, areSettingsOpen, isListNarrow, isListOpen } from '../state/screen.ts';
import { IconButton } from './icon-button.tsx';

const PHASES = {
  connecting: 'Connecting',
  unreachable: 'Not reachable',
  loading: 'Loading',
  locked: 'Locked',
  failed: 'Failed',
  ready: 'Ready',
} as const;

export function Header() {
  const status = server.value;
  return (
    <header class="header">
      {isListNarrow.value && <IconButton icon={Menu} label="Conversations" onClick={() => (isListOpen.value = true)} />}
      <h1 class="brand">
        vserve <span class="brand-part">playground</span>
      </h1>
      <p class="served">
        <span class={`dot dot-${status.phase}`} aria-hidden="true" />
        {status.phase === 'ready' ? (
          <span class="served-name" title={status.model.id}>
            {status.model.id}
          </span>
        ) : (
          PHASES[status.phase]
        )}
      </p>
      {areSettingsNarrow.value && (
        <IconButton icon={SlidersHorizontal} label="Settings" onClick={() => (areSettingsOpen.value = true)} />
      )}
    </header>
  );
}
