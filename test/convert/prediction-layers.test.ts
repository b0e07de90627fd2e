import { expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { parseGgufHeader } from '../../src/gguf/read-header.ts';
import { planTiny } from './support/plan-tiny.ts';
import type { Json } from './support/plan-tiny.ts';

const configOf = (name: string): Json => referenceCheckpoints[name]?.checkpoint.files['config.json'] as Json;
const isPrediction = (tensor: string): boolean => tensor.startsWith('mtp.');

async function headersOf(name: string, changes: Parameters<typeof planTiny>[1]): Promise<Buffer[]> {
  const { files } = await planTiny(name, changes);
  return files.map(({ header }) => Buffer.from(header));
}

test.each(['qwen3.5-tiny', 'qwen3.5-moe-tiny'])(
  '%s: the tensors tell of layers that predict a further token where config.json does not',
  async (name) => {
    const config = configOf(name);
    const text = { ...(config.text_config as Json), mtp_num_hidden_layers: undefined };
    const silent = await headersOf(name, { files: { 'config.json': { ...config, text_config: text } } });
    expect(silent).toEqual(await headersOf(name, {}));
  },
);

test('some of the tensors are not enough, and the missing ones are named as the checkpoint has them', async () => {
  const missing = 'mtp.layers.0.input_layernorm.weight';
  await expect(planTiny('qwen3.5-tiny', { keeps: (tensor) => tensor !== missing })).rejects.toMatchObject({
    code: 'tensor_missing',
    message: expect.stringContaining(missing) as string,
  });
});

test('a fine-tune of GLM-4.5V that announces such layers without having them converts as one that does not', async () => {
  const config = configOf('glm4.5v-tiny');
  const text = { ...(config.text_config as Json), num_nextn_predict_layers: 1 };
  const announced = await headersOf('glm4.5v-tiny', { files: { 'config.json': { ...config, text_config: text } } });
  expect(announced).toEqual(await headersOf('glm4.5v-tiny', {}));
});

test('GLM 4.5 drops such a layer that config.json does not announce', async () => {
  const config = { ...configOf('glm4.5-tiny'), num_nextn_predict_layers: undefined };
  const [header] = await headersOf('glm4.5-tiny', { files: { 'config.json': config } });
  const { keyValues, tensors } = parseGgufHeader(new Uint8Array(header ?? []));
  expect(keyValues.get('glm4moe.block_count')).toBe(2);
  expect(tensors.filter(({ name }) => name.startsWith('blk.2.'))).toEqual([]);
});

test('without them, an expert mixture has one block fewer', async () => {
  const [header] = await headersOf('qwen3.5-moe-tiny', { keeps: (tensor) => !isPrediction(tensor) });
  const { keyValues } = parseGgufHeader(new Uint8Array(header ?? []));
  expect(keyValues.get('qwen35moe.block_count')).toBe(2);
  expect(keyValues.get('qwen35moe.nextn_predict_layers')).toBeUndefined();
});
