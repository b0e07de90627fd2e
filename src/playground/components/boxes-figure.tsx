import { useMemo, useState } from 'preact/hooks';
import type { Answer } from '../requests/answer.ts';
import type { Attachment } from '../requests/attachment.ts';
import type { Turn } from '../requests/conversation.ts';
import type { Size } from '../requests/figures.ts';
import { seenSize } from '../requests/figures.ts';
import { detailsAt } from '../requests/receipts.ts';
import { guessReading, readBox } from '../results/box-reading.ts';
import type { BoxReading } from '../results/box-reading.ts';
import { findBoxes } from '../results/find-boxes.ts';
import type { FoundBox } from '../results/find-boxes.ts';
import { model } from '../state/server.ts';
import { BoxOverlay } from './box-overlay.tsx';
import { BoxReadingFields } from './box-reading-fields.tsx';
import { useFileUrl } from './use-file-url.ts';

interface BoxesFigureProps {
  readonly text: string;
  readonly turn: Turn;
  readonly answer: Answer;
}

/** The boxes of an answer, drawn over the picture they are about. */
export function BoxesFigure({ text, turn, answer }: BoxesFigureProps) {
  const boxes = useMemo(() => findBoxes(text), [text]);
  const pictures = turn.attachments.filter(isMeasured);
  if (boxes.length === 0 || pictures.length === 0) return null;
  return <DrawnBoxes boxes={boxes} turn={turn} pictures={pictures} answer={answer} />;
}

type Picture = Attachment & Size;

function isMeasured(attachment: Attachment): attachment is Picture {
  return attachment.width !== undefined && attachment.height !== undefined;
}

interface DrawnBoxesProps {
  readonly boxes: readonly FoundBox[];
  readonly turn: Turn;
  readonly pictures: readonly Picture[];
  readonly answer: Answer;
}

function DrawnBoxes({ boxes, turn, pictures, answer }: DrawnBoxesProps) {
  const [index, setIndex] = useState(0);
  const [chosen, setReading] = useState<BoxReading>();
  const reading = chosen ?? guessReading(boxes, model.value?.projector);
  const picture = pictures[index] ?? pictures[0];
  const url = useFileUrl(picture?.id);
  if (picture === undefined || url === undefined || url === null) return null;
  const seen = seenSize(detailsAt(answer.imageDetails ?? [], turn.attachments.indexOf(picture)));
  const placed = boxes.map((box) => readBox(box, reading, { sent: picture, seen }));
  return (
    <figure class="boxes">
      <BoxOverlay url={url} picture={picture} boxes={placed} />
      <figcaption>
        <BoxReadingFields reading={reading} hasSeenSize={seen !== undefined} onReading={setReading} />
        {pictures.length > 1 && <PictureSelect pictures={pictures} index={index} onIndex={setIndex} />}
      </figcaption>
    </figure>
  );
}

interface PictureSelectProps {
  readonly pictures: readonly Picture[];
  readonly index: number;
  readonly onIndex: (index: number) => void;
}

function PictureSelect({ pictures, index, onIndex }: PictureSelectProps) {
  return (
    <label class="inline-field">
      Picture
      <select value={index} onChange={(event) => onIndex(Number(event.currentTarget.value))}>
        {pictures.map(({ id, name }, position) => (
          <option key={id} value={position}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
