import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonWithOpenAI } from '../support/python.ts';
import { pictureBytes, referenceDir, shapesCheckpointDir } from '../support/shapes.ts';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const picture = '000-0.png';

interface Example {
  readonly language: string;
  readonly source: string;
}

/** The examples of a page that ask a server something. */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(repository, 'docs', page), 'utf8');
  return [...text.matchAll(/^```(sh|python|js)\n([^]*?)^```/gm)]
    .map(([, language = '', source = '']) => ({ language, source }))
    .filter(({ source }) => source.includes('localhost:8000'));
}

describe('the examples of the documents, against a server of the embedded model', () => {
  let folder: string;
  let pictures: Server;
  let vserve: VserveProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-pages-'));
    await copyFile(join(referenceDir, picture), join(folder, 'image.jpg'));
    pictures = createServer((_, response) => response.end(pictureBytes(picture))).listen(0, '127.0.0.1');
    vserve = await startVserve(
      [
        '--model',
        shapesCheckpointDir,
        '--served-model-name',
        'google/gemma-3-27b-it',
        '--media-url-allowed-host',
        '127.0.0.1',
      ],
      { VSERVE_HOME: join(folder, 'home'), MAX_SERVE_ALLOWED_IMAGE_ROOTS: JSON.stringify([folder]) },
    );
  });
  afterAll(async () => {
    await vserve.stop();
    pictures.close();
    await rm(folder, { recursive: true });
  });

  /** What an example prints, with the addresses and paths of this test in place of its own. */
  async function outputOf({ language, source }: Example): Promise<string> {
    const { port } = pictures.address() as AddressInfo;
    const own = source
      .replaceAll('http://localhost:8000', vserve.url)
      .replaceAll(/https:\/\/huggingface\.co\/\S+\.jpg/g, `http://127.0.0.1:${String(port)}/rabbit.jpg`)
      .replaceAll('/path/to/images', folder);
    const [program, args] =
      language === 'sh'
        ? (['bash', ['-c', own.replace('curl', 'curl --silent --show-error --fail-with-body')]] as const)
        : language === 'python'
          ? ([await pythonWithOpenAI(), ['-c', own]] as const)
          : ([process.execPath, ['--input-type=module', '--eval', own]] as const);
    return (await run(program, args, { cwd: repository })).stdout;
  }

  const pages = ['image-to-text.md', 'structured-output.md', 'tools.md'];
  it.each(pages.flatMap((page) => examplesOf(page).map((example) => ({ page, ...example }))))(
    '$page in $language: $source',
    async (example) => {
      const output = await outputOf(example);
      expect(output).toMatch(example.language === 'sh' ? /"content":"?[^",]/ : /\w/);
      expect(output).not.toMatch(/^None$/m);
    },
  );
});
