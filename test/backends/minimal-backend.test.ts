import { expect, it } from 'vitest';
import { findBackend } from '../../src/backend/index.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';
import { serveModel } from '../server/support/serve.ts';

it('a backend of a few lines is enough', async () => {
  const backend = await findBackend(new URL('minimal-backend.ts', import.meta.url).pathname);
  const options = { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal };
  const model = await backend.load({ modelPath: '', mmprojPath: undefined }, defaultLoadSettings, options);
  const { client } = await serveModel(model);
  const ask = (fields: object) =>
    client.chat.completions.create({ model: '', messages: [{ role: 'user', content: 'four' }], ...fields });
  expect(await ask({})).toMatchObject({ choices: [{ message: { content: '4' } }] });
  await expect(ask({ tools: [{ type: 'function', function: { name: 'f' } }] })).rejects.toMatchObject({
    code: 'unsupported_capability',
    param: 'tools',
  });
});
