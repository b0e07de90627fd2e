import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { BodyMemory } from '../../src/server/body-memory.ts';
import { CpuShare } from '../../src/server/cpu-share.ts';
import { readJsonBody } from '../../src/server/request-body.ts';

vi.mock('node:timers/promises', () => ({ setTimeout: vi.fn(() => Promise.resolve()) }));
beforeEach(() => void vi.mocked(setTimeout).mockClear());

const KIB = 1024;

/** Reads a body of about so many KiB, and tells how often it was waited. */
async function waitsFor(kib: number, sequencesRunning: number): Promise<number> {
  const text = 'a'.repeat(kib * KIB);
  const json = Buffer.from(JSON.stringify({ text }));
  const chunks = Array.from({ length: Math.ceil(json.length / (16 * KIB)) }, (_, index) =>
    json.subarray(index * 16 * KIB, (index + 1) * 16 * KIB),
  );
  const request = Object.assign(Readable.from(chunks), { headers: {}, socket: {} }) as unknown as IncomingMessage;
  const cpus = new CpuShare({ stats: () => ({ sequencesRunning, sequencesQueued: 0 }) });
  const signal = new AbortController().signal;
  const memory = new BodyMemory(1e9);
  const { value } = await readJsonBody(request, { maxBytes: 1e8, timeoutMs: 1e6, memory, cpus, signal });
  expect(value).toEqual({ text });
  return vi.mocked(setTimeout).mock.calls.length;
}

describe('a large body', () => {
  it('is read at a pace while the model computes', async () => {
    expect(await waitsFor(4096, 1)).toBe(15);
  });

  it('is read at once while it does not', async () => {
    expect(await waitsFor(4096, 0)).toBe(0);
  });

  it('and no other: a small picture is not held up', async () => {
    expect(await waitsFor(200, 1)).toBe(0);
  });
});
