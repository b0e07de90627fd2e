import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { gguf } from '@huggingface/gguf';
import { expect, it } from 'vitest';
import { oddConversations } from '../../engine/conversations.ts';
import { loadFaithful } from '../../engine/faithful-model.ts';
import type { ProcessorReference } from '../../engine/faithful-model.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { fixture } from '../../reference/checkpoints.ts';

const alignment = 32;

function lengthThenText(text: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text)]);
}

/** Gives tensors of a GGUF file other names. Returns how many. */
async function renameTensors(path: string, rename: (name: string) => string): Promise<number> {
  const { tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true });
  const file = await readFile(path);
  const sizes = tensorInfos.map(({ name, shape }) => 8 + name.length + 4 + 8 * shape.length + 4 + 8);
  const start = file.indexOf(lengthThenText(tensorInfos[0]?.name ?? ''));
  const parts: Uint8Array[] = [file.subarray(0, start)];
  let at = start;
  for (const [i, { name }] of tensorInfos.entries()) {
    const size = sizes[i] ?? 0;
    parts.push(lengthThenText(rename(name)), file.subarray(at + 8 + name.length, at + size));
    at += size;
  }
  const header = Buffer.concat(parts);
  const padding = Buffer.alloc(-header.length & (alignment - 1));
  await writeFile(path, Buffer.concat([header, padding, file.subarray(Number(tensorDataOffset))]));
  return tensorInfos.filter(({ name }) => rename(name) !== name).length;
}

it('a projector of Llama 4 as convert_hf_to_gguf.py writes it sees the same', async () => {
  const name = 'llama4-scout-tiny';
  const { prompts } = JSON.parse(readFileSync(fixture(`processors/${name}.json`), 'utf8')) as ProcessorReference;
  let renamed = 0;
  const loaded = await loadFaithful(name, async (mmprojPath) => {
    renamed = await renameTensors(mmprojPath, (tensor) => tensor.replace('.ln2.', '.attn_post_norm.'));
  });
  expect(renamed).toBe(6); // a weight and a bias for each layer
  const request = { messages: oddConversations[0] ?? [], ...greedyRequest, maxTokens: 1, ignoreEos: true };
  const [first] = await loaded.model.firstLogits(request, 1);
  const [token, logit] = prompts[0]?.logits?.[0] ?? [];
  expect(first?.token).toBe(token);
  expect(first?.logit).toBeCloseTo(logit ?? NaN, 1);
  await loaded.dispose();
});
