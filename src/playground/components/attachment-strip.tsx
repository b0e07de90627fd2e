import { FileText, ImageIcon, X } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { Attachment } from '../requests/attachment.ts';
import { IconButton } from './icon-button.tsx';
import { useFileUrl } from './use-file-url.ts';

interface AttachmentStripProps {
  readonly attachments: readonly Attachment[];
  readonly onRemove?: (id: string) => void;
}

/** Pictures and documents in a row. */
export function AttachmentStrip({ attachments, onRemove }: AttachmentStripProps) {
  if (attachments.length === 0) return null;
  return (
    <ul class="attachments" aria-label="Attachments">
      {attachments.map((attachment) => (
        <li key={attachment.id} class="attachment">
          <Preview attachment={attachment} />
          {onRemove !== undefined && (
            <IconButton
              icon={X}
              class="remove"
              label={`Remove ${attachment.name}`}
              onClick={() => onRemove(attachment.id)}
            />
          )}
        </li>
      ))}
    </ul>
  );
}

function Preview({ attachment }: { readonly attachment: Attachment }) {
  const { id, kind, name, width, height } = attachment;
  const [isBroken, setBroken] = useState(false);
  const url = useFileUrl(id);
  if (url === null) return <FileChip icon={ImageIcon} name={name} note="no longer kept in this browser" />;
  if (kind === 'document') return <FileChip icon={FileText} name={name} note="PDF" />;
  if (isBroken) return <FileChip icon={ImageIcon} name={name} note="no preview in this browser" />;
  const size = width === undefined || height === undefined ? '' : `, ${String(width)} × ${String(height)}`;
  return <img src={url} alt={name} title={`${name}${size}`} onError={() => setBroken(true)} />;
}

interface FileChipProps {
  readonly icon: typeof FileText;
  readonly name: string;
  readonly note: string;
}

function FileChip({ icon: Icon, name, note }: FileChipProps) {
  return (
    <span class="file-chip">
      <Icon size={20} aria-hidden="true" />
      <span class="file-name">{name}</span>
      <span class="hint">{note}</span>
    </span>
  );
}
