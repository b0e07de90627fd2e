import { execFileSync } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFileUri } from '../../src/media/file-source.ts';
import { MediaBudget } from '../../src/media/media-budget.ts';

let folder = '';
let root = '';

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'vserve-file-')));
  root = join(folder, 'images');
  await mkdir(join(root, 'inner'), { recursive: true });
  await writeFile(join(root, 'a.png'), 'picture');
  await writeFile(join(root, 'inner', 'b ü%2e.png'), 'other');
  await mkdir(join(folder, 'images-secret'));
  await writeFile(join(folder, 'images-secret', 'key'), 'secret');
});

afterEach(() => rm(folder, { recursive: true }));

interface Changes {
  roots?: string[];
  maxLocalImageBytes?: number;
  maxMediaBytes?: number;
}

async function read(uri: string, { roots = [root], maxLocalImageBytes = 100, maxMediaBytes = 1000 }: Changes = {}) {
  const { pieces } = await readFileUri(uri, {
    allowedImageRoots: roots,
    maxLocalImageBytes,
    budget: new MediaBudget(maxMediaBytes),
    signal: new AbortController().signal,
  });
  return Buffer.concat(pieces).toString();
}

async function messageOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ code: 'bad_file_uri' });
  return (error as Error).message;
}

/** The files below the test's folder that this process has open; none where the system does not tell. */
async function openFiles(): Promise<string[]> {
  const names = await readdir('/proc/self/fd').catch(() => []);
  const paths = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(folder));
}

describe('readFileUri', () => {
  it('reads a file below a root, with an empty host and with localhost', async () => {
    expect(await read(`file://${root}/a.png`)).toBe('picture');
    expect(await read(`file://localhost${root}/a.png`)).toBe('picture');
    expect(await read(`FILE://LOCALHOST${root}/a.png`)).toBe('picture');
  });

  it('decodes the path once', async () => {
    expect(await read(`file://${root}/inner/${encodeURIComponent('b ü%2e.png')}`)).toBe('other');
    expect(await read(`file://${root}/inner%2F..%2Fa.png`)).toBe('picture');
    expect(await messageOf(read(`file://${root}/a%252epng`))).toContain('no such file');
  });

  it.each([
    'file://example.com/a.png',
    'file://127.0.0.1/a.png',
    'file:/a.png',
    'file:a.png',
    'file://',
    'file:///%zz',
    'file:///%ff',
    'file:////server/share/a.png',
    'file:///%2fserver/share/a.png',
    'file:///\\\\server\\share\\a.png',
  ])('refuses %s', async (uri) => {
    await messageOf(read(uri));
  });

  it('names a network folder for what it is', async () => {
    for (const path of ['//server/share/a.png', '/%2fserver/share/a.png', '/\\server\\share\\a.png']) {
      expect(await messageOf(read(`file://${path}`, { roots: ['/'] }))).toContain('network folder');
    }
  });

  it('refuses a NUL character and a path without end', async () => {
    expect(await messageOf(read(`file://${root}/a.png%00.txt`))).toContain('NUL');
    for (const end of ['a/'.repeat(5000), '%61'.repeat(1_000_000), '%zz'.repeat(20_000)]) {
      expect(await messageOf(read(`file://${root}/${end}`))).toContain('longer than 4096');
    }
  });

  it('reads nothing without roots, and says how to allow it; a wrong host comes first', async () => {
    const refusal = await messageOf(read(`file://${root}/a.png`, { roots: [] }));
    expect(refusal).toMatch(/reads no local files; MAX_SERVE_ALLOWED_IMAGE_ROOTS/);
    expect(await messageOf(read('file://host/a.png', { roots: [] }))).toContain('names a host');
  });

  it('answers alike for everything outside, whether it exists or not', async () => {
    await symlink(join(folder, 'images-secret', 'key'), join(root, 'link-to-file'));
    await symlink(join(folder, 'images-secret', 'missing'), join(root, 'link-to-nothing'));
    await symlink(join(folder, 'images-secret'), join(root, 'link-to-folder'));
    await symlink('loop', join(root, 'loop'));
    const outside = [
      `${folder}/images-secret/key`,
      `${folder}/images-secret/missing`,
      `${folder}/images-secret`,
      `${folder}/missing/key`,
      `${root}/../images-secret/key`,
      `${root}/../images-secret/missing`,
      `${root}/%2e%2e/images-secret/key`,
      `${root}/link-to-file`,
      `${root}/link-to-nothing`,
      `${root}/link-to-folder/key`,
      `${root}/link-to-folder/missing`,
      `${root}/link-to-folder/key/x`,
      '/etc/shadow',
      '/',
    ];
    const messages = await Promise.all(outside.map((path) => messageOf(read(`file://${path}`))));
    expect(new Set(messages).size).toBe(1);
    expect(messages[0]).not.toContain(folder);
    // What leads back in tells nothing of where it went through.
    await symlink(root, join(folder, 'back'));
    for (const path of [`${folder}/back/a.png`, `/proc/self/root${root}/a.png`, `/proc/none/root${root}/a.png`]) {
      expect(await messageOf(read(`file://${path}`))).toBe(messages[0]);
    }
    for (const way of ['back', 'images-secret', 'missing', 'images-secret/key']) {
      expect(await read(`file://${folder}/${way}/..${way.includes('/') ? '/..' : ''}/images/a.png`)).toBe('picture');
    }
    await messageOf(read(`file://${root}/loop`));
  });

  it('follows links that stay inside', async () => {
    await symlink(join(root, 'a.png'), join(root, 'absolute'));
    await symlink('../a.png', join(root, 'inner', 'relative'));
    expect(await read(`file://${root}/absolute`)).toBe('picture');
    expect(await read(`file://${root}/inner/relative`)).toBe('picture');
    await symlink(join(folder, 'more'), join(root, 'other-root'));
    await mkdir(join(folder, 'more'));
    await writeFile(join(folder, 'more', 'c.png'), 'more');
    expect(await read(`file://${root}/other-root/c.png`, { roots: [root, join(folder, 'more')] })).toBe('more');
    await messageOf(read(`file://${root}/other-root/c.png`));
  });

  it('resolves the roots themselves', async () => {
    const link = join(folder, 'link');
    await symlink(root, link);
    expect(await read(`file://${link}/a.png`, { roots: [link] })).toBe('picture');
    expect(await read(`file://${root}/a.png`, { roots: [link] })).toBe('picture');
    expect(await read(`file://${root}/a.png`, { roots: ['/'] })).toBe('picture');
    expect(await read(`file://${root}/a.png`, { roots: [`${root}/`, '/nowhere'] })).toBe('picture');
  });

  it('tells apart, inside, what is missing, a folder, and no regular file', async () => {
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const socket = createServer();
    await new Promise<void>((resolve) => socket.listen(join(root, 'socket'), resolve));
    try {
      expect(await messageOf(read(`file://${root}/missing.png`))).toContain('no such file');
      expect(await messageOf(read(`file://${root}/a.png/x`))).toContain('no such file');
      expect(await messageOf(read(`file://${root}`))).toContain('names a folder');
      expect(await messageOf(read(`file://${root}/inner/`))).toContain('names a folder');
      for (const end of ['/', '/.', '//', '/x/..']) {
        expect(await messageOf(read(`file://${root}/a.png${end}`))).toContain('names a folder');
      }
      expect(await messageOf(read(`file://${root}/fifo`))).toContain('not a regular file');
      expect(await messageOf(read(`file://${root}/socket`))).toContain('not a regular file');
    } finally {
      socket.close();
    }
  });

  it('takes a file of exactly the limit and none of one byte more', async () => {
    expect(await read(`file://${root}/a.png`, { maxLocalImageBytes: 7 })).toBe('picture');
    await expect(read(`file://${root}/a.png`, { maxLocalImageBytes: 6 })).rejects.toMatchObject({
      code: 'over_budget',
    });
    expect(await read(`file://${root}/a.png`, { maxMediaBytes: 7 })).toBe('picture');
    await expect(read(`file://${root}/a.png`, { maxMediaBytes: 6 })).rejects.toMatchObject({ code: 'over_budget' });
  });

  it('reads a file of several pieces', async () => {
    const bytes = 3 * 1024 * 1024 + 5;
    await truncate(join(root, 'a.png'), bytes);
    const text = await read(`file://${root}/a.png`, { maxLocalImageBytes: bytes, maxMediaBytes: bytes });
    expect(text).toHaveLength(bytes);
    await expect(
      read(`file://${root}/a.png`, { maxLocalImageBytes: bytes - 1, maxMediaBytes: bytes }),
    ).rejects.toMatchObject({ code: 'over_budget' });
  });

  it('reads nothing outside, however a folder and a link take turns', async () => {
    const turning = join(root, 'turning');
    const outside = join(folder, 'images-secret');
    await writeFile(join(root, 'inner', 'key'), 'allowed');
    await symlink(outside, join(folder, 'to-outside'));
    const over = new AbortController();
    const swap = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await rename(join(root, 'inner'), turning).catch(() => undefined);
        await rename(turning, join(root, 'inner')).catch(() => undefined);
        await rename(join(folder, 'to-outside'), turning).catch(() => undefined);
        await rename(turning, join(folder, 'to-outside')).catch(() => undefined);
      }
    };
    const swapping = swap();
    const seen = new Set<string>();
    for (let turn = 0; turn < 2000; turn += 1) {
      seen.add(await read(`file://${turning}/key`).catch((error: { code?: string }) => error.code ?? 'defect'));
    }
    over.abort();
    await swapping;
    expect([...seen].filter((outcome) => outcome !== 'allowed' && outcome !== 'bad_file_uri')).toEqual([]);
  });

  it('reads no device and no process', async () => {
    const [zero, terminal] = ['/dev/zero', '/dev/tty'];
    for (const path of [zero, terminal, '/dev/null']) {
      expect(await messageOf(read(`file://${path}`, { roots: ['/dev'] }))).toMatch(
        /not a regular file|cannot be opened/,
      );
    }
  });

  it('closes the file when the request is aborted', async () => {
    const controller = new AbortController();
    controller.abort('gone');
    const before = await openFiles();
    const reading = readFileUri(`file://${root}/a.png`, {
      allowedImageRoots: [root],
      maxLocalImageBytes: 100,
      budget: new MediaBudget(1000),
      signal: controller.signal,
    });
    await expect(reading).rejects.toBe('gone');
    expect(await openFiles()).toEqual(before);
  });
});
