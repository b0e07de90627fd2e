import { useMemo, useState } from 'preact/hooks';
import { findBoxes } from '../boxes/find-boxes.ts';
import type { FoundBox } from '../boxes/found-box.ts';
import { guessReading, placeBox } from '../boxes/place-boxes.ts';
import type { BoxReading } from '../boxes/place-boxes.ts';
import type { Answer } from '../requests/answer.ts';
import type { Attachment } from '../requests/attachment.ts';
import type { Turn } from '../requests/conversation.ts';
import type { Size } from '../requests/figures.ts';
import { seenSize } from '../requests/figures.ts';
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
  return <DrawnBoxes boxes={boxes} pictures={pictures} answer={answer} />;
}

type Picture = Attachment & Size;

function isMeasured(attachment: Attachment): attachment is Picture {
  return attachment.width !== undefined && attachment.height !== undefined;
}

interface DrawnBoxesProps {
  readonly boxes: readonly FoundBox[];
  readonly pictures: readonly Picture[];
  readonly answer: Answer;
}

function DrawnBoxes({ boxes, pictures, answer }: DrawnBoxesProps) {
  const [index, setIndex] = useState(0);
  const [chosen, setReading] = useState<BoxReading>();
  const reading = chosen ?? guessReading(boxes);
  const picture = pictures[index] ?? pictures[0];
  const url = useFileUrl(picture?.id);
  if (picture === undefined || url === undefined || url === null) return null;
  const earlier = (answer.imageDetails?.length ?? 0) - pictures.length;
  const seen = seenSize(answer.imageDetails?.[index + earlier]);
  const placed = boxes.map((box) => placeBox(box, reading, picture, seen));
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
