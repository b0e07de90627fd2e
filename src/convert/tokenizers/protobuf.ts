/**
 * A field of a protobuf message in wire format (https://protobuf.dev/programming-guides/encoding/): varints as numbers
 * (their lower 53 bits), fixed 32- and 64-bit fields and length-delimited ones as bytes.
 */
export interface ProtobufField {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/**
 * Walks over the fields of a message.
 * @throws RangeError when the bytes end within a field or use a wire type that proto2 and proto3 writers do not.
 */
export function* fieldsOf(message: Uint8Array): Generator<ProtobufField, void, undefined> {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
      const byte = message[position++];
      if (byte === undefined) throw new RangeError('a varint ends too early');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint has more than ten bytes');
  };
  const bytes = (length: number): Uint8Array => {
    if (length > message.byteLength - position) throw new RangeError('a field ends too early');
    position += length;
    return message.subarray(position - length, position);
  };
  while (position < message.byteLength) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (wireType === 0) yield { number, value: varint() };
    else if (wireType === 1) yield { number, value: bytes(8) };
    else if (wireType === 2) yield { number, value: bytes(varint()) };
    else if (wireType === 5) yield { number, value: bytes(4) };
    else throw new RangeError(`wire type ${wireType} is unknown`);
  }
}
