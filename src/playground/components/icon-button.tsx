import type { LucideIcon } from 'lucide-preact';

interface IconButtonProps {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly onClick: () => void;
  readonly class?: string;
}

/** A button that is only an icon; its label is for screen readers, and shown as a hint. */
export function IconButton({ icon: Icon, label, onClick, class: name = '' }: IconButtonProps) {
  return (
    <button type="button" class={`icon-button ${name}`} aria-label={label} title={label} onClick={onClick}>
      <Icon size={18} aria-hidden="true" />
    </button>
  );
}
