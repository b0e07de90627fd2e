import type { ReadonlySignal, Signal } from '@preact/signals';
import { X } from 'lucide-preact';
import type { ComponentChildren } from 'preact';
import { IconButton } from './icon-button.tsx';
import { ModalDialog } from './modal-dialog.tsx';

interface PanelProps {
  readonly label: string;
  readonly class: string;
  readonly isNarrow: ReadonlySignal<boolean>;
  readonly isOpen: Signal<boolean>;
  readonly children: ComponentChildren;
}

/** Stands beside the conversation where there is room, and is a dialog where there is not. */
export function Panel({ label, class: name, isNarrow, isOpen, children }: PanelProps) {
  if (!isNarrow.value) {
    return (
      <aside class={`panel ${name}`} aria-label={label}>
        {children}
      </aside>
    );
  }
  if (!isOpen.value) return null;
  const close = (): void => {
    isOpen.value = false;
  };
  return (
    <ModalDialog label={label} class={`drawer ${name}`} onClose={close}>
      <div class="dialog-head">
        <h2>{label}</h2>
        <IconButton icon={X} label="Close" onClick={close} />
      </div>
      {children}
    </ModalDialog>
  );
}
