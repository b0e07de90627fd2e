import type { BoxReading, BoxUnit } from '../boxes/place-boxes.ts';

interface BoxReadingFieldsProps {
  readonly reading: BoxReading;
  readonly hasSeenSize: boolean;
  readonly onReading: (reading: BoxReading) => void;
}

const UNITS: readonly (readonly [BoxUnit, string])[] = [
  ['thousandths', '0 to 1000'],
  ['fractions', '0 to 1'],
  ['pixels', 'Pixels of the picture'],
];
const SEEN_UNIT = ['seen-pixels', 'Pixels as the model saw it'] as const;

/** How the numbers of the boxes are meant: answers do not tell. */
export function BoxReadingFields({ reading, hasSeenSize, onReading }: BoxReadingFieldsProps) {
  const units = hasSeenSize ? [...UNITS, SEEN_UNIT] : UNITS;
  return (
    <>
      <label class="inline-field">
        Coordinates
        <select
          value={reading.unit}
          onChange={(event) => onReading({ ...reading, unit: event.currentTarget.value as BoxUnit })}
        >
          {units.map(([unit, label]) => (
            <option key={unit} value={unit}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label class="inline-field">
        Order
        <select
          value={reading.isYFirst ? 'y' : 'x'}
          onChange={(event) => onReading({ ...reading, isYFirst: event.currentTarget.value === 'y' })}
        >
          <option value="x">x, y, x, y</option>
          <option value="y">y, x, y, x</option>
        </select>
      </label>
    </>
  );
}
