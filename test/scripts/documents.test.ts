import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const pages = readdirSync(join(repository, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const documents = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'CHANGELOG.md', ...pages];

function read(path: string): Promise<string> {
  return readFile(join(repository, path), 'utf8');
}

/** The anchor that a Markdown heading gets. */
function anchorOf(heading: string): string {
  const words = heading.replace(/^#+ /, '').toLowerCase();
  return words.replaceAll(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-');
}

test.each(documents)('the links of %s lead somewhere', async (document) => {
  const text = await read(document);
  for (const [, target = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const linked = path === '' ? text : await read(join(dirname(document), path));
    const anchors = (linked.match(/^#+ .*$/gm) ?? []).map(anchorOf);
    if (anchor !== undefined) expect(anchors, target).toContain(anchor);
  }
});

test.each(['CONTRIBUTING.md', 'ARCHITECTURE.md'])('the files that %s names exist', async (document) => {
  const text = await read(document);
  const paths = [...text.matchAll(/`((?:src|backends|scripts|test|bin)\/[\w./-]+)`/g)].map(([, path = '']) => path);
  for (const path of paths) await expect(access(join(repository, path)), path).resolves.toBeUndefined();
});

test('the flags and error codes that README.md and docs name are there', async () => {
  const texts = await Promise.all(['README.md', ...pages].map(read));
  // The generated list has flags that the help hides.
  const text = texts.join('\n').replace(/<!-- options: [^]*<!-- \/options -->/, '');
  const verbs = ['serve', 'generate', 'chat', 'encode', 'benchmark', 'pull', 'convert', 'list', 'show', 'rm', 'verify'];
  verbs.push('gc', 'ps', 'stop', 'doctor', 'completion');
  const helps = verbs.map((verb) =>
    promisify(execFile)(process.execPath, [join(repository, 'bin', 'vserve.js'), verb, '--help']),
  );
  const known = (await Promise.all(helps)).flatMap(({ stdout }) =>
    [...stdout.matchAll(/--(\[no-\])?([\w-]+)/g)].flatMap(([, no, name = '']) =>
      no === undefined ? [`--${name}`] : [`--${name}`, `--no-${name}`],
    ),
  );
  // Flags of `npm run demo`, `npm run bench`, npm, apt-get and xcode-select.
  known.push('--once', '--quick', '--peer', '--global', '--yes', '--install');
  // Of docker, kubectl, useradd and systemctl.
  known.push('--rm', '--publish', '--volume', '--tag', '--target', '--gpus', '--cpus', '--cpuset-cpus');
  known.push('--kustomize', '--from-literal', '--system', '--home-dir', '--shell', '--now');
  // Of scripts/simulate.
  known.push('--requests', '--replicas', '--policies', '--check');
  // Of vLLM and MAX.
  known.push('--max-model-len', '--enable-penalties', '--enable-min-tokens', '--enable-structured-output');
  const named = text.match(/(?<![\w-])--[a-z][\w-]+/g) ?? [];
  expect(named.filter((flag) => !known.includes(flag))).toEqual([]);

  const table = await read('src/errors/error-codes.ts');
  const codes = text.match(/(?<=`)(ssrf_blocked|\w+_(unsupported|parameter|exceeded))(?=`)/g) ?? [];
  expect(codes.length).toBeGreaterThan(2);
  for (const code of codes) expect(table).toContain(`${code}:`);
});
