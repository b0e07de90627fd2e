import type { FoundBox } from './found-box.ts';

/** Qwen-VL's and Qwen2-VL's: `<ref>cat</ref><box>(1,2),(3,4)</box>`. */
const QWEN =
  /(?:<(?:ref|\|object_ref_start\|)>([^<]*)<(?:\/ref|\|object_ref_end\|)>)?\s*<(?:box|\|box_start\|)>\s*\((\d+),\s*(\d+)\),\s*\((\d+),\s*(\d+)\)/g;
/** PaliGemma's: y, x, y, x of 1024, then the label. */
const PALIGEMMA = /<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})>\s*([^<;]*)/g;
const PALIGEMMA_SCALE = 1000 / 1024;

/** The boxes that models write between tags of their own. */
export function taggedBoxes(text: string): readonly FoundBox[] {
  const qwen = [...text.matchAll(QWEN)].map(([, label = '', ...numbers]) => boxOf(label, numbers, 1, false));
  const paliGemma = [...text.matchAll(PALIGEMMA)].map(([, a = '', b = '', c = '', d = '', label = '']) =>
    boxOf(label, [a, b, c, d], PALIGEMMA_SCALE, true),
  );
  return [...qwen, ...paliGemma];
}

function boxOf(label: string, numbers: readonly string[], scale: number, isYFirst: boolean): FoundBox {
  const [a = 0, b = 0, c = 0, d = 0] = numbers.map((number) => Number(number) * scale);
  return { corners: [a, b, c, d], label: label.trim(), isYFirst };
}
