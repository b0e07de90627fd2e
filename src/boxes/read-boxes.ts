/** A box as it stands in an answer: two corners, as the model's family writes them. */
export interface WrittenBox {
  readonly corners: readonly [number, number, number, number];
  /** What is said to be there; empty where nothing is. */
  readonly label: string;
}

const NUMBER = String.raw`(-?\d+(?:\.\d+)?)`;
const FOUR = Array.from({ length: 4 }, () => NUMBER).join(String.raw`\s*,?\s*`);

/** In JSON: `{"box_2d": [1, 2, 3, 4], "label": "cat"}`, under any of the names that models give it. */
const JSON_OBJECT = /\{[^{}]*\}/g;
const JSON_BOX = new RegExp(String.raw`"(?:box_2d|bbox_2d|bbox|box|bounding_box|coordinates)"\s*:\s*\[\s*${FOUR}\s*\]`);
const JSON_LABEL = /"(?:label|text_content|text|name|caption|category|object)"\s*:\s*"((?:[^"\\]|\\.)*)"/;

/** Between tags, the label before it. */
const TAGGED: readonly RegExp[] = [
  // Qwen2-VL, InternVL, DeepSeek-OCR, GLM-V, MiniCPM-V.
  new RegExp(
    String.raw`(?:<(?:\|object_ref_start\||ref|\|ref\|)>([^<]*)<(?:\|object_ref_end\||/ref|\|/ref\|)>\s*)?` +
      String.raw`<(?:\|box_start\||box|\|det\||\|begin_of_box\|)>[\s[(]*${NUMBER}[\s,]+${NUMBER}[\s,()\][]+${NUMBER}[\s,]+${NUMBER}[\s\])]*`,
    'g',
  ),
  // Granite Docling: <loc_1><loc_2><loc_3><loc_4>label
  /()<loc_(\d+)><loc_(\d+)><loc_(\d+)><loc_(\d+)>/g,
];

/** PaddleOCR-VL: a text, and the corners of a quadrilateral round it. So much text is enough, and bounds the search. */
const QUADRILATERAL = /([^<\n]{0,200})((?:<\|LOC_\d+\|>){8})/g;

/** Reads the boxes of an answer, in the order in which they stand there. */
export function readBoxes(answer: string): WrittenBox[] {
  const found = [...jsonBoxes(answer), ...taggedBoxes(answer), ...quadrilaterals(answer)];
  return found.sort((a, b) => a.at - b.at).map(({ corners, label }) => ({ corners, label }));
}

type Found = WrittenBox & { readonly at: number };

function jsonBoxes(answer: string): Found[] {
  return [...answer.matchAll(JSON_OBJECT)].flatMap((match) => {
    const [text] = match;
    const numbers = JSON_BOX.exec(text)?.slice(1);
    if (numbers === undefined) return [];
    return [{ at: match.index, corners: cornersOf(numbers), label: unescaped(JSON_LABEL.exec(text)?.[1] ?? '') }];
  });
}

function taggedBoxes(answer: string): Found[] {
  return TAGGED.flatMap((form) =>
    [...answer.matchAll(form)].map((match) => {
      const [, label = '', ...numbers] = match;
      return { at: match.index, corners: cornersOf(numbers), label: label.trim() };
    }),
  );
}

function quadrilaterals(answer: string): Found[] {
  return [...answer.matchAll(QUADRILATERAL)].map((match) => {
    const [, label = '', tokens = ''] = match;
    const numbers = [...tokens.matchAll(/\d+/g)].map(([digits]) => Number(digits));
    const xs = numbers.filter((_, index) => index % 2 === 0);
    const ys = numbers.filter((_, index) => index % 2 === 1);
    const corners = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] as const;
    return { at: match.index, corners, label: label.trim() };
  });
}

function cornersOf(numbers: readonly (string | undefined)[]): WrittenBox['corners'] {
  const [a = 0, b = 0, c = 0, d = 0] = numbers.map(Number);
  return [a, b, c, d];
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
