import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, inject, test } from 'vitest';
import { runVserve, temporaryFolder } from '../cli/run-vserve.ts';
import type { RunningVserve } from '../cli/run-vserve.ts';
import { tellImports } from '../support/import-hook.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function serve(mmprojPath: string, environment: NodeJS.ProcessEnv = {}): RunningVserve {
  const files = ['--model', inject('shapesModelPath'), '--mmproj', mmprojPath, '--devices', 'cpu'];
  return runVserve(folder, ['serve', ...files, '--metrics-endpoint-port', 'off'], environment, { isReal: true });
}

/** Has a process tell what it imports, and which native modules it opens. */
const telling = `import { writeSync } from 'node:fs';
const { dlopen } = process;
process.dlopen = (module, path, ...flags) => {
  writeSync(2, 'open ' + path + '\\n');
  dlopen.call(process, module, path, ...flags);
};
${tellImports}`;

// Elsewhere, node-llama-cpp chooses the binary.
test.runIf(process.platform === 'linux')(
  'a second start opens llama.cpp before it imports node-llama-cpp',
  async () => {
    const first = serve(inject('shapesMmprojPath'));
    await first.until(/Server ready on /);
    first.kill('SIGTERM');
    await first.exit();
    const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(telling)}`;
    const second = serve(inject('shapesMmprojPath'), { NODE_OPTIONS });
    await second.until(/Server ready on /);
    second.kill('SIGTERM');
    const { code, stderr } = await second.exit();
    expect(code).toBe(0);
    const order = [
      /^open .*\/llama-addon\.node$/m,
      /^open .*\/vserve-engine\.node$/m,
      // What the bundle has of node-llama-cpp.
      /^import .*\/bundle\/Llama-[\w-]+\.js$/m,
    ].map((line) => stderr.search(line));
    expect(order).not.toContain(-1);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  },
);

test('a projector that fails while the weights are read is named, and ends the start', async () => {
  const bytes = await readFile(inject('shapesMmprojPath'));
  const key = 'clip.vision.block_count';
  // A layer more than there are, behind the key's type.
  const at = bytes.indexOf(key) + key.length + 4;
  bytes.writeUInt32LE(bytes.readUInt32LE(at) + 1, at);
  const path = join(folder, 'damaged.gguf');
  await writeFile(path, bytes);
  const { code, stderr } = await serve(path).exit();
  expect(stderr).toMatch(
    /\nError: \S+damaged\.gguf could not be loaded: llama\.cpp refuses it\.\n.*unable to find tensor/,
  );
  expect(code).toBe(1);
});
