import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import type { ConversionPlan } from '../../src/convert/plan/plan-conversion.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';

type Settings = Record<string, unknown>;

const textOf = ({ files: [model] }: ConversionPlan): string => Buffer.from(model?.header ?? []).toString('latin1');

describe.each(['deepseek-ocr-tiny', 'deepseek-ocr-2-tiny'])('%s', (name) => {
  const checkpoint = referenceCheckpoints[name]?.checkpoint;
  const config = checkpoint?.files['config.json'] as Settings;
  let folder = '';
  beforeAll(async () => {
    if (checkpoint === undefined) throw new Error(`There is no ${name}`);
    folder = await mkdtemp(join(tmpdir(), 'vserve-deepseek-ocr-'));
    await writeCheckpoint(folder, checkpoint);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function plan(files: Readonly<Record<string, Settings>>): Promise<ConversionPlan> {
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), JSON.stringify(content));
    return planConversion({ sourceDir: folder, outtype: 'bf16' });
  }

  const changed = (part: string, change: Settings): Settings => ({
    ...config,
    [part]: { ...(config[part] as Settings), ...change },
  });

  test.each([
    ['latent attention', { use_mla: true }, 'use_mla'],
    ['fewer keys than queries', { num_key_value_heads: 1 }, 'num_attention_heads'],
    ['heads of odd size', { hidden_size: 66 }, 'num_attention_heads'],
    ['another rotary embedding', { rope_theta: 1_000_000 }, 'rope_theta'],
    ['scaled positions', { rope_scaling: { type: 'yarn', factor: 4 } }, 'rope_scaling'],
    ['experts in groups', { n_group: 2 }, 'n_group'],
    ['experts chosen otherwise', { topk_method: 'group_limited_greedy' }, 'topk_method'],
    ['no experts', { n_routed_experts: null }, 'n_routed_experts'],
    ['more experts a token than there are', { num_experts_per_tok: 99 }, 'num_experts_per_tok'],
  ])('is refused with %s', async (_, change, field) => {
    await expect(plan({ 'config.json': changed('language_config', change) })).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining(field) as string,
    });
  });

  const { width } = config.vision_config as { width: Record<string, Settings> };
  test.each([
    ['pictures of another size', { image_size: 512 }, 'image_size'],
    ['windows of another size', { window_size: 7 }, 'window_size'],
    ['no encoders', { width: {} }, 'sam_vit_b'],
    ['an encoder that is a number', { width: 1024 }, 'width'],
    [
      'other layers that see the whole picture',
      { width: { ...width, sam_vit_b: { ...width.sam_vit_b, global_attn_indexes: [1] } } },
      'global_attn_indexes',
    ],
    [
      'heads that do not share the width',
      { width: { ...width, sam_vit_b: { ...width.sam_vit_b, heads: 3 } } },
      'sam_vit_b.heads',
    ],
  ])('is refused with %s', async (_, change, field) => {
    await expect(plan({ 'config.json': changed('vision_config', change) })).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining(field) as string,
    });
  });

  test('keeps a chat template that it comes with', async () => {
    const template = "{{ messages[0]['content'] }}";
    const tokenizer = checkpoint?.files['tokenizer_config.json'] as Settings;
    const own = await plan({
      'config.json': config,
      'tokenizer_config.json': { ...tokenizer, chat_template: template },
    });
    expect(textOf(own)).toContain(template);
    expect(textOf(own)).not.toContain('{% for m in messages %}');
    const without = await plan({ 'config.json': config, 'tokenizer_config.json': tokenizer });
    expect(textOf(without)).toContain('{% for m in messages %}');
  });
});
