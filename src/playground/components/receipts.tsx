import type { Attachment } from '../requests/attachment.ts';
import { receiptOf } from '../requests/figures.ts';
import type { JsonRecord } from '../requests/json.ts';
import { Figures } from './figures.tsx';

interface ReceiptsProps {
  readonly details: readonly JsonRecord[];
  readonly attachments: readonly Attachment[];
}

/** How the model saw each picture. The pictures of earlier questions come first; those of this one are named. */
export function Receipts({ details, attachments }: ReceiptsProps) {
  if (details.length === 0) return null;
  const pictures = attachments.filter(({ kind }) => kind === 'image');
  const isOneToOne = pictures.length === attachments.length;
  const earlier = details.length - pictures.length;
  return (
    <details class="receipts">
      <summary>
        How the model saw {details.length === 1 ? 'the picture' : `the ${String(details.length)} pictures`}
      </summary>
      <ol>
        {details.map((picture, index) => (
          <li key={index}>
            {isOneToOne && <p class="receipt-name">{pictures[index - earlier]?.name ?? 'of an earlier question'}</p>}
            <Figures figures={receiptOf(picture)} />
          </li>
        ))}
      </ol>
    </details>
  );
}
