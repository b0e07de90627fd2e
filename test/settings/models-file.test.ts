import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { readModelsFile } from '../../src/settings/index.ts';
import { temporaryFolder } from '../cli/run-vserve.ts';

async function read(text: string) {
  const path = join(await temporaryFolder(), 'models.yaml');
  await writeFile(path, text);
  return readModelsFile(path);
}

describe('a file of models', () => {
  it('has paths and ids, and options of each', async () => {
    const models = await read(
      `- org/a
- name: small
  model: ./b
  max-length: 4096
  max_batch_size: 2
  quantization-encoding: q4_k_m
  temperature: 0.5
  lora_paths: [captions=./captions]
  preload: true
`,
    );
    expect(models).toEqual([
      { settings: { model: 'org/a' }, preload: false },
      {
        settings: {
          servedModelName: 'small',
          model: './b',
          maxLength: 4096,
          maxBatchSize: 2,
          quantizationEncoding: 'q4_k_m',
          temperature: 0.5,
          loraPaths: ['captions=./captions'],
        },
        preload: true,
      },
    ]);
  });

  it('may have its list below "models"', async () => {
    expect(await read('models:\n  - org/a\n')).toHaveLength(1);
  });

  test.each([
    ['', /must be a list of models/],
    ['[]', /must be a list of models/],
    ['port: 8000', /must be a list of models/],
    [
      '- model: org/a\n  port: 8000',
      /"port" of .*models\.yaml, model 1 is no option of a single model\. There are name, preload, model/,
    ],
    ['- org/a\n- name: b', /model 2 has no "model"/],
    ['- model: org/a\n  max-length: many', /"max-length" of .*model 1 is "many": it must be/],
    ['- model: org/a\n  preload: soon', /"preload" of .*must be true or false/],
    ['- 5', /model 1: it must be a path/],
    ['- [', /models file .* cannot be read/],
  ])('%j is none', async (text, message) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'invalid_setting',
      message: expect.stringMatching(message) as string,
    });
  });

  it('must be there', async () => {
    await expect(readModelsFile('/nowhere/models.yaml')).rejects.toThrow(
      'The models file /nowhere/models.yaml does not exist. Check its path.',
    );
  });
});
