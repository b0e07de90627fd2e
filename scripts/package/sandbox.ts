import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

/** `nobody`, on Linux and elsewhere. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** As the caller, or as nobody where that would be root. */
const identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

/** An installation in a folder of its own, and a user with few rights who runs it. */
export class Sandbox {
  /** Where npm installs. */
  readonly projectDir: string;
  /** All that is on PATH. */
  readonly pathDir: string;
  /** The only folder that the user can write. */
  readonly writableDir: string;
  readonly #home: string;

  /** `projectDir` is made by the caller. Its siblings are made here. */
  constructor(projectDir: string) {
    const parent = dirname(projectDir);
    this.projectDir = projectDir;
    this.pathDir = join(parent, 'bin');
    this.writableDir = join(parent, 'store');
    this.#home = join(parent, 'home');
    for (const folder of [this.pathDir, this.writableDir, this.#home]) mkdirSync(folder);
    if (isRoot) chownSync(this.writableDir, NOBODY, NOBODY);
    chmodSync(this.#home, 0o555);
  }

  /** Installs tarballs with their dependencies, as the caller. Install scripts do not run. */
  install(tarballs: readonly string[]): void {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--include=optional', ...tarballs];
    execFileSync('npm', args, { cwd: this.projectDir, stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** Runs a verb to its end, and returns what it prints. Throws if it fails. */
  async run(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<string> {
    const child = this.#start('node', args, settings);
    const [output, [status]] = await Promise.all([
      child.stdout === null ? '' : text(child.stdout),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    if (status !== 0) throw new Error(`vserve ${args.join(' ')} ended with status ${String(status)}`);
    return output;
  }

  /** Starts a server, asks it something, stops it. Returns the answer. Throws if any of these fails. */
  async askServer(args: readonly string[], by: 'node' | 'npm'): Promise<string> {
    const child = this.#start(by, [...args, '--host', '127.0.0.1', '--port', '0']);
    const closed = once(child, 'close') as Promise<[number | null]>;
    try {
      return await answerOf(await Promise.race([readyUrl(child), closed.then(() => undefined)]));
    } finally {
      // npm passes no signals on: all of the group get it, as from a terminal.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      await closed;
    }
  }

  #start(by: 'node' | 'npm', args: readonly string[], settings: Readonly<Record<string, string>> = {}): ChildProcess {
    // npm itself needs its cache; the program that it starts gets the same home.
    const path = by === 'node' ? this.pathDir : `${this.pathDir}:${dirname(process.execPath)}:/usr/bin:/bin`;
    const [command, first] =
      by === 'node'
        ? ([join(this.pathDir, 'node'), [join(this.projectDir, 'node_modules/vserve/bin/vserve.js')]] as const)
        : (['npm', ['exec', '--offline', '--cache', join(this.writableDir, 'npm'), '--', 'vserve']] as const);
    return spawn(command, [...first, ...args], {
      cwd: this.projectDir,
      env: { PATH: path, HOME: this.#home, ...settings },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      ...identity,
    });
  }
}

/** Where a server listens, once it is ready. */
function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      output += piece;
      const url = /Server ready on (\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}

async function answerOf(url: string | undefined): Promise<string> {
  if (url === undefined) throw new Error('The server ended before it was ready');
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], max_tokens: 8 }),
  });
  const { choices } = (await response.json()) as { choices?: [{ message: { content: string } }] };
  if (choices === undefined) throw new Error(`The server answered with status ${String(response.status)}`);
  return choices[0].message.content;
}
