/** A picture of the embedded model's kind: a red square on white. */
import { crc32, deflateSync } from 'node:zlib';

const SIZE = 64;

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, body, sum]);
}

function png() {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIZE, 0);
  header.writeUInt32BE(SIZE, 4);
  header.set([8, 2], 8);
  const inSquare = (at) => at >= SIZE / 4 && at < (3 * SIZE) / 4;
  const rows = Array.from({ length: SIZE }, (_, y) =>
    Buffer.from([
      0,
      ...Array.from({ length: SIZE }, (_, x) => (inSquare(x) && inSquare(y) ? [220, 30, 30] : [255, 255, 255])).flat(),
    ]),
  );
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

export const pictureBytes = png();

export const pictureUri = `data:image/png;base64,${pictureBytes.toString('base64')}`;
