import type { Attachment } from '../requests/attachment.ts';
import { receiptOf } from '../requests/figures.ts';
import type { JsonRecord } from '../requests/json.ts';
import { receiptsOf } from '../requests/receipts.ts';
import { Figures } from './figures.tsx';

interface ReceiptsProps {
  readonly details: readonly JsonRecord[];
  readonly attachments: readonly Attachment[];
}

/** How the model saw each picture. */
export function Receipts({ details, attachments }: ReceiptsProps) {
  if (details.length === 0) return null;
  const pictures = details.length === 1 ? 'the picture' : `the ${String(details.length)} pictures`;
  return (
    <details class="receipts">
      <summary>How the model saw {pictures}</summary>
      <ol>
        {receiptsOf(details, attachments).map((receipt, index) => (
          <li key={index}>
            <p class="receipt-name">{receipt.name}</p>
            <Figures figures={receiptOf(receipt.details)} />
          </li>
        ))}
      </ol>
    </details>
  );
}
