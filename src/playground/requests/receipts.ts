import type { Attachment } from './attachment.ts';
import type { JsonRecord } from './json.ts';
import { textAt } from './json.ts';

/** What the server tells of a picture, and what the picture is called here. */
export interface Receipt {
  readonly name: string;
  readonly details: JsonRecord;
}

interface Place {
  readonly message: number;
  readonly part: number;
}

/** The details of all pictures of a request with their names: those of its last question, and of earlier ones. */
export function receiptsOf(details: readonly JsonRecord[], attachments: readonly Attachment[]): readonly Receipt[] {
  const last = lastMessage(details);
  return details.map((picture) => {
    const { message, part } = placeOf(picture);
    const attachment = message === last ? attachments[part] : undefined;
    return { name: attachment?.name ?? 'Of an earlier question', details: picture };
  });
}

/** The details of an attachment of the last question, by its index; undefined if there are none. */
export function detailsAt(details: readonly JsonRecord[], index: number): JsonRecord | undefined {
  const last = lastMessage(details);
  return details.find((picture) => {
    const { message, part } = placeOf(picture);
    return message === last && part === index;
  });
}

function lastMessage(details: readonly JsonRecord[]): number {
  return Math.max(-1, ...details.map((picture) => placeOf(picture).message));
}

/** Attachments are the first parts of their message, in order. */
function placeOf(picture: JsonRecord): Place {
  const [, message = NaN, part = NaN] =
    /^messages\[(\d+)\]\.content\[(\d+)\]/.exec(textAt(picture, 'param') ?? '') ?? [];
  return { message: Number(message), part: Number(part) };
}
