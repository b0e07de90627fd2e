import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { VserveError } from '../../../src/errors/index.ts';
import { readHeader } from '../../../src/convert/safetensors/read-header.ts';
import { temporaryFolder } from '../support/checkpoints.ts';
import { safetensorsBytes } from '../support/safetensors.ts';

const runs = { numRuns: 400, seed: 7 };

const original = safetensorsBytes(
  JSON.stringify({
    __metadata__: { format: 'pt' },
    a: { dtype: 'BF16', shape: [2, 4], data_offsets: [0, 16] },
    b: { dtype: 'F32', shape: [3], data_offsets: [16, 28] },
  }),
  Buffer.alloc(28),
);

/** Reads `bytes` as a file: a named error or tensors that lie within the file and do not overlap. */
async function expectNamedErrorOrSound(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path, bytes);
  try {
    const tensors = await readHeader(path);
    const total = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(total).toBeLessThanOrEqual(bytes.byteLength);
    for (const { offset, byteLength } of tensors) expect(offset + byteLength).toBeLessThanOrEqual(bytes.byteLength);
  } catch (error) {
    expect(error).toBeInstanceOf(VserveError);
    expect(error).toMatchObject({ code: 'safetensors_invalid' });
  }
}

test('any bytes changed, removed or added', async () => {
  const path = join(await temporaryFolder(), 'model.safetensors');
  const edit = fc.record({
    at: fc.nat(original.byteLength),
    remove: fc.nat(12),
    insert: fc.uint8Array({ maxLength: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      let bytes = original;
      for (const { at, remove, insert } of edits) {
        bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
      }
      await expectNamedErrorOrSound(path, bytes);
    }),
    runs,
  );
});

test('any JSON in the place of a field', async () => {
  const path = join(await temporaryFolder(), 'model.safetensors');
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.array(fc.oneof(fc.integer(), fc.double(), fc.maxSafeNat()), { maxLength: 12 }),
    fc.constantFrom('BF16', 'F4', [0, 16], [2 ** 53, 2 ** 53], [2 ** 32, 2 ** 32], [0, 0, 2 ** 53 - 1]),
  );
  const field = fc.constantFrom('dtype', 'shape', 'data_offsets', '__proto__', 'toString');
  await fc.assert(
    fc.asyncProperty(field, odd, async (field, value) => {
      const entry = { dtype: 'BF16', shape: [2, 4], data_offsets: [0, 16], [field]: value };
      await expectNamedErrorOrSound(path, safetensorsBytes(JSON.stringify({ a: entry }), Buffer.alloc(16)));
      await expectNamedErrorOrSound(path, safetensorsBytes(JSON.stringify({ [field]: value }), Buffer.alloc(16)));
    }),
    runs,
  );
});
