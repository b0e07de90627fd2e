import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** What the figures depend on besides the programs' code. */
export interface Machine {
  readonly cpu: string;
  /** Those of the CPU that llama.cpp's kernels use, as it names them: AVX512, AMX_INT8, … */
  readonly cpuFeatures: readonly string[];
  readonly threads: number;
  readonly platform: string;
  readonly node: string;
  /** As llama-server says it: its version, build and commit. */
  readonly peerVersion: string;
}

/** `systemInfo` is llama.cpp's own line about its build and the CPU. */
export function describeMachine(threads: number, systemInfo: string, peerDir: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cpuFeatures: featuresIn(systemInfo),
    threads,
    platform: process.platform,
    node: process.version,
    peerVersion: versionOf(join(peerDir, 'llama-server')),
  };
}

/** The names that are on in a line such as `CPU : SSE3 = 1 | AVX2 = 1 | AMX_INT8 = 0`. */
export function featuresIn(systemInfo: string): string[] {
  return [...systemInfo.matchAll(/(\w+) = 1(?= |$)/g)].map(([, name = '']) => name);
}

/** The head of the tables: a line on the machine, and one on the peer. */
export function headOf({ cpu, cpuFeatures, threads, node, peerVersion }: Machine): string {
  return [
    `${cpu} (${cpuFeatures.join(', ')}), ${String(threads)} threads, Node.js ${node}`,
    `llama-server ${peerVersion}`,
  ].join('\n');
}

function versionOf(program: string): string {
  // It says it on stderr, in some releases on stdout.
  const { stdout, stderr } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return /version: (.+)/.exec(`${stdout}\n${stderr}`)?.[1]?.trim() ?? 'of an unknown version';
}
