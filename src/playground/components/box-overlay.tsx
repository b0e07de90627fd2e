import type { Box } from '../../boxes/to-picture.ts';
import type { Size } from '../requests/figures.ts';

interface BoxOverlayProps {
  readonly url: string;
  readonly picture: Size & { readonly name: string };
  readonly boxes: readonly Box[];
}

/** So many colours have the boxes; the style sheet has them. */
const COLOURS = 6;
/** The height of labels, as a part of the picture's longer side. */
const LABEL_SHARE = 0.028;

/** A picture with boxes, and a list of them for those who cannot see it. */
export function BoxOverlay({ url, picture, boxes }: BoxOverlayProps) {
  const { name, width, height } = picture;
  return (
    <div class="overlay">
      <img src={url} alt={name} width={width} height={height} />
      <svg viewBox={`0 0 ${String(width)} ${String(height)}`} aria-hidden="true">
        {boxes.map((box, index) => (
          <LabelledBox key={index} box={box} index={index} labelHeight={LABEL_SHARE * Math.max(width, height)} />
        ))}
      </svg>
      <ol class="visually-hidden">
        {boxes.map((box, index) => (
          <li key={index}>{describe(box)}</li>
        ))}
      </ol>
    </div>
  );
}

interface LabelledBoxProps {
  readonly box: Box;
  readonly index: number;
  /** In pixels of the picture. */
  readonly labelHeight: number;
}

function LabelledBox({ box, index, labelHeight }: LabelledBoxProps) {
  const { left, top, right, bottom, label } = box;
  // Above the box, or inside where there is no room above.
  const baseline = top > labelHeight * 1.4 ? top - labelHeight * 0.35 : top + labelHeight;
  return (
    <g class={`box box-${String(index % COLOURS)}`}>
      <rect x={left} y={top} width={right - left} height={bottom - top} vector-effect="non-scaling-stroke" />
      <text x={left + labelHeight * 0.2} y={baseline} font-size={labelHeight}>
        {label}
      </text>
    </g>
  );
}

function describe({ label, ...sides }: Box): string {
  const [left, top, right, bottom] = [sides.left, sides.top, sides.right, sides.bottom].map(Math.round);
  return `${label === '' ? 'Box' : label}: from ${String(left)}, ${String(top)} to ${String(right)}, ${String(bottom)}`;
}
