import type { BoxReading, BoxUnit } from '../results/box-reading.ts';

interface BoxReadingFieldsProps {
  readonly reading: BoxReading;
  readonly hasSeenSize: boolean;
  readonly onReading: (reading: BoxReading) => void;
}

/** What there is to choose from, and the unit that is chosen. */
function unitsFor(chosen: BoxUnit, hasSeenSize: boolean): readonly BoxUnit[] {
  const units: readonly BoxUnit[] = [1000, 1, 'sent', ...(hasSeenSize ? ['seen' as const] : [])];
  return units.includes(chosen) ? units : [chosen, ...units];
}

function labelOf(unit: BoxUnit): string {
  if (unit === 'sent') return 'Pixels of the picture';
  return unit === 'seen' ? 'Pixels as the model saw it' : `0 to ${String(unit)}`;
}

/** How the numbers of the boxes are meant: answers do not tell. */
export function BoxReadingFields({ reading, hasSeenSize, onReading }: BoxReadingFieldsProps) {
  const units = unitsFor(reading.unit, hasSeenSize);
  return (
    <>
      <label class="inline-field">
        Coordinates
        <select
          value={units.indexOf(reading.unit)}
          onChange={(event) =>
            onReading({ ...reading, unit: units[Number(event.currentTarget.value)] ?? reading.unit })
          }
        >
          {units.map((unit, index) => (
            <option key={unit} value={index}>
              {labelOf(unit)}
            </option>
          ))}
        </select>
      </label>
      <label class="inline-field">
        Order
        <select
          value={reading.order}
          onChange={(event) => onReading({ ...reading, order: event.currentTarget.value as BoxReading['order'] })}
        >
          <option value="x-first">x, y, x, y</option>
          <option value="y-first">y, x, y, x</option>
        </select>
      </label>
    </>
  );
}
