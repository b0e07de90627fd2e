import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { answer, loadShapes, picture, shapesFiles, until, userTurn } from '../../support/shapes-engine.ts';

describe('loading a model', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-load-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('serves a text model without a projector, and refuses it images', async () => {
    const model = await loadShapes({}, { mmprojPath: undefined });
    expect(model.info.capabilities.vision).toBe(false);
    expect((await answer(model, userTurn(['Hello']))).text).not.toBe('');
    const image = await picture('000-0.png');
    await expect(answer(model, userTurn([{ type: 'image', image }, 'What is it?']))).rejects.toMatchObject({
      code: 'unsupported_capability',
      message: expect.stringContaining('mmproj') as unknown,
    });
    await model.close();
  });

  it('keeps to the length and the batch size it is given', async () => {
    const model = await loadShapes({ maxLength: 64, maxBatchSize: 1 });
    expect(model.info).toMatchObject({ contextLength: 64, maxBatchSize: 1 });
    const { finish, promptTokens } = await answer(
      model,
      userTurn(['Hello'], { maxTokens: undefined, ignoreEos: true }),
    );
    expect(promptTokens + finish.usage.completionTokens).toBe(64);
    await model.close();
  });

  it('computes with the cache type, the batch and the threads it is given', async () => {
    const image = await picture('000-0.png');
    const question = userTurn([{ type: 'image', image }, 'What color is the background?']);
    const plain = await loadShapes({ maxBatchSize: 1 });
    const expected = (await answer(plain, question)).text;
    await plain.close();
    for (const settings of [
      { kvCacheFormat: 'q8_0' },
      { kvCacheFormat: 'f32', flashAttention: 'off' },
      { maxBatchInputTokens: 32 },
      { threads: 1, threadsBatch: 2 },
      { mmap: false },
    ] as const) {
      const logs: string[] = [];
      const model = await loadShapes({ maxBatchSize: 1, ...settings }, {}, (message) => logs.push(message));
      expect((await answer(model, question)).text, JSON.stringify(settings)).toBe(expected);
      const kvCacheFormat = 'kvCacheFormat' in settings ? settings.kvCacheFormat : 'f16';
      expect(logs).toContainEqual(
        expect.stringMatching(new RegExp(`Context: .* at a time: .* \\(${kvCacheFormat}\\)`)),
      );
      await model.close();
    }
  });

  it('refuses a quantized cache without flash attention', async () => {
    await expect(loadShapes({ kvCacheFormat: 'q8_0', flashAttention: 'off' })).rejects.toMatchObject({
      code: 'invalid_setting',
      message: expect.stringContaining('--flash-attn') as unknown,
    });
  });

  it('refuses a length past what the model was trained for', async () => {
    await expect(loadShapes({ maxLength: 4096 })).rejects.toMatchObject({
      code: 'invalid_setting',
      message: expect.stringContaining('2048') as unknown,
    });
  });

  it('refuses to take a projector for a model, and a model for a projector', async () => {
    const { modelPath, mmprojPath } = shapesFiles();
    await expect(loadShapes({}, { modelPath: mmprojPath ?? '' })).rejects.toMatchObject({
      code: 'gguf_invalid',
      message: expect.stringContaining('--mmproj') as unknown,
    });
    await expect(loadShapes({}, { mmprojPath: modelPath })).rejects.toMatchObject({ code: 'gguf_invalid' });
  });

  it('says why a chat template cannot be read', async () => {
    const { modelPath } = shapesFiles();
    const file = await readFile(modelPath);
    const spoilt = file.lastIndexOf('endfor', file.indexOf('<start_of_turn>model\\n'));
    expect(spoilt).toBeGreaterThan(0);
    file.write('endfox', spoilt);
    const path = join(folder, 'template.gguf');
    await writeFile(path, file);
    await expect(loadShapes({}, { modelPath: path })).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringMatching(/chat template could not be read: .*endfox/) as unknown,
    });
  });

  it('names a file that is missing, is no GGUF, or ends too early', async () => {
    const { modelPath } = shapesFiles();
    const text = join(folder, 'text.gguf');
    await writeFile(text, 'hello');
    const begun = join(folder, 'begun.gguf');
    await writeFile(begun, 'GGUF');
    const short = join(folder, 'short.gguf');
    await writeFile(short, (await readFile(modelPath)).subarray(0, 200_000));
    for (const path of [join(folder, 'missing.gguf'), text, begun]) {
      await expect(loadShapes({}, { modelPath: path })).rejects.toMatchObject({
        code: 'gguf_invalid',
        message: expect.stringContaining(path) as unknown,
      });
    }
    await expect(loadShapes({}, { modelPath: short })).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringMatching(
        /short\.gguf could not be loaded: .*\n[^]*download or convert it again/,
      ) as unknown,
    });
    await expect(loadShapes({}, { mmprojPath: short })).rejects.toMatchObject({ name: 'VserveError' });
  });

  it('refuses devices that are not there', async () => {
    await expect(loadShapes({ devices: 'tpu' })).rejects.toMatchObject({ code: 'invalid_setting' });
  });

  it('ends running generations with model_closed, and refuses new ones', async () => {
    const model = await loadShapes();
    const generation = model.generate(
      userTurn(['Tell me a story.'], { maxTokens: undefined, ignoreEos: true }),
      new AbortController().signal,
    );
    let closing: Promise<void> | undefined;
    await expect(
      (async () => {
        for await (const event of generation) if (event.type === 'text-delta') closing ??= model.close();
      })(),
    ).rejects.toMatchObject({ code: 'model_closed' });
    await closing;
    await model.close();
    await expect(answer(model, userTurn(['Hello']))).rejects.toMatchObject({ code: 'model_closed' });
    expect(model.stats()).toEqual({ sequencesRunning: 0, sequencesQueued: 0 });
  });

  it('survives aborts while it closes', async () => {
    const model = await loadShapes();
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const endless = userTurn(['Tell me a story.'], { maxTokens: undefined, ignoreEos: true });
    const ends = controllers.map(({ signal }) => answer(model, endless, signal).catch((error: unknown) => error));
    await until(() => model.stats().sequencesRunning === 6);
    const closing = model.close();
    for (const controller of controllers) controller.abort(new Error('gone'));
    await closing;
    for (const end of await Promise.all(ends)) expect(end).toBeInstanceOf(Error);
  });

  describe('the native addon', () => {
    const llama = { gpu: false, buildType: 'prebuilt' } as const;

    it('that was not built is a named error that says how to build it', () => {
      expect(() => loadNativeAddon(llama, [folder])).toThrow(
        expect.objectContaining({
          code: 'native_addon_missing',
          message: expect.stringMatching(/Build it with: node ".*build-native.js"$/) as unknown,
        }) as Error,
      );
    });

    it('that cannot be loaded, or belongs to another version of node-llama-cpp, is a named error', async () => {
      const addonsDir = join(folder, 'addons');
      const variants = ['linux-x64', 'linux-arm64', 'mac-x64', 'mac-arm64-metal', 'win-x64', 'win-arm64'];
      for (const variant of variants) {
        await mkdir(join(addonsDir, variant), { recursive: true });
        await writeFile(join(addonsDir, variant, 'vserve-engine.node'), 'not a library');
      }
      const mismatch = { code: 'native_addon_mismatch' };
      expect(() => loadNativeAddon(llama, [addonsDir])).toThrow(expect.objectContaining(mismatch) as Error);
      expect(() => loadNativeAddon(llama, undefined, '0.0.1')).toThrow(
        expect.objectContaining({ ...mismatch, message: expect.stringContaining('0.0.1') as unknown }) as Error,
      );
      expect(() => loadNativeAddon({ ...llama, buildType: 'localBuild' })).toThrow(
        expect.objectContaining(mismatch) as Error,
      );
    });
  });

  it('reads a model from a path with spaces and non-ASCII characters', async () => {
    const { modelPath, mmprojPath } = shapesFiles();
    const odd = join(folder, 'Modèle à côté');
    await mkdir(odd);
    await copyFile(modelPath, join(odd, 'm.gguf'));
    await copyFile(mmprojPath ?? '', join(odd, 'p.gguf'));
    const model = await loadShapes({}, { modelPath: join(odd, 'm.gguf'), mmprojPath: join(odd, 'p.gguf') });
    expect((await answer(model, userTurn(['Hello']))).text).not.toBe('');
    await model.close();
  });
});
