import { scalarBytes } from '../../src/gguf/read-header.ts';

/** A value in a GGUF header that can be changed in place. */
export interface Place {
  /** `key`, `value`, `element`, `length`, `tensor`, `dimension`, `type`, or `offset`. */
  readonly kind: string;
  /** The key or tensor it belongs to. */
  readonly of: string;
  readonly at: number;
  /** Its encoding: a number of `scalarBytes`, or text of a fixed length. */
  readonly type: number | 'text';
  readonly byteLength: number;
}

const uint32 = 4;
const uint64 = 10;
const stringType = 8;
const arrayType = 9;
/** Maximum elements of an array to list. */
const mostElements = 64;

/** Finds all such values in a header. Throws a RangeError if it is truncated. */
export function placesOf(file: Buffer): Place[] {
  const places: Place[] = [];
  let at = 8;
  const count = (): number => {
    at += 8;
    return Number(file.readBigUInt64LE(at - 8));
  };
  const number = (): number => {
    at += 4;
    return file.readUInt32LE(at - 4);
  };
  const text = (): { at: number; byteLength: number; text: string } => {
    const byteLength = count();
    at += byteLength;
    return { at: at - byteLength, byteLength, text: file.toString('utf8', at - byteLength, at) };
  };
  const scalar = (kind: string, of: string, type: number, isPlace = true): void => {
    if (type === stringType) {
      const { at: start, byteLength } = text();
      if (isPlace) places.push({ kind, of, at: start, type: 'text', byteLength });
      return;
    }
    const byteLength = scalarBytes[type] ?? 0;
    if (isPlace) places.push({ kind, of, at, type, byteLength });
    at += byteLength;
  };
  const tensorCount = count();
  const keyCount = count();
  for (let i = 0; i < keyCount; i++) {
    const { text: of, ...key } = text();
    places.push({ kind: 'key', of, ...key, type: 'text' });
    const type = number();
    if (type !== arrayType) {
      scalar('value', of, type);
      continue;
    }
    const elementType = number();
    places.push({ kind: 'length', of, at, type: uint64, byteLength: 8 });
    const length = count();
    for (let k = 0; k < length; k++) scalar('element', of, elementType, k < mostElements);
  }
  for (let i = 0; i < tensorCount; i++) {
    const { text: of, ...name } = text();
    places.push({ kind: 'tensor', of, ...name, type: 'text' });
    const dimensions = number();
    for (let k = 0; k < dimensions; k++) scalar('dimension', of, uint64);
    scalar('type', of, uint32);
    scalar('offset', of, uint64);
  }
  return places;
}
