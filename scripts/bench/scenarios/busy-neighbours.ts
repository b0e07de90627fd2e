import type { Bench, Subject } from '../bench.ts';
import { besideBusyPrograms } from '../busy-programs.ts';
import { record } from '../figures.ts';
import { outputSpeed } from '../output-speed.ts';
import type { Server } from '../server.ts';
import { median } from '../statistics.ts';

const neighbourCounts = [1, 2];
const streamCounts = [1, 4];

/**
 * Output tokens per second beside programs that keep a CPU busy each: of vserve as it is by default, of vserve with each
 * fixed number of threads, and of llama-server; and how much of the best fixed number's speed the default reaches.
 */
export async function busyNeighbours(bench: Bench): Promise<void> {
  const maxBatchSize = Math.max(...streamCounts);
  const servers = await bench.servers(['vserve', 'llama-server'], maxBatchSize);
  const fixed = new Map<number, Server>();
  try {
    for (const threads of threadCounts(bench.settings.threads)) {
      fixed.set(threads, await bench.start('vserve', maxBatchSize, { threads, 'threads-batch': threads }));
    }
    for (const neighbours of neighbourCounts) {
      for (const streams of streamCounts) await compare(bench, servers, fixed, { neighbours, streams });
    }
  } finally {
    for (const server of fixed.values()) await server.stop();
  }
}

/** All numbers on a small machine; on a large one those that are likely to be the best of all. */
function threadCounts(most: number): number[] {
  const counts = most <= 4 ? Array.from({ length: most }, (_, i) => i + 1) : [1, most >> 1, most - 2, most - 1, most];
  return [...new Set(counts)].filter((count) => count > 0);
}

async function compare(
  bench: Bench,
  servers: readonly Server[],
  fixed: ReadonlyMap<number, Server>,
  { neighbours, streams }: { neighbours: number; streams: number },
): Promise<void> {
  const { promptWords, outputTokens } = bench.settings;
  const beside = `${String(neighbours)} busy ${neighbours === 1 ? 'program' : 'programs'}`;
  const name = `output at ${String(streams)} ${streams === 1 ? 'stream' : 'streams'} beside ${beside}`;
  const nameWith = (threads: number): string => `${name}, --threads ${String(threads)}`;
  const subject = ({ contender, pid, url }: Server, figure: string): Subject => ({
    contender,
    pid,
    measure: async () => {
      const { tokensPerSecond } = await besideBusyPrograms(neighbours, () =>
        outputSpeed(url, { streams, promptWords, outputTokens }),
      );
      return [{ name: figure, unit: 'tokens/s', value: tokensPerSecond }];
    },
  });
  await bench.alternate([
    ...servers.map((server) => subject(server, name)),
    ...[...fixed].map(([threads, server]) => subject(server, nameWith(threads))),
  ]);
  const speed = (figure: string): number =>
    median(bench.figures.get(figure)?.values.vserve?.map(({ value }) => value) ?? []);
  const best = Math.max(...[...fixed.keys()].map((threads) => speed(nameWith(threads))));
  const value = (100 * speed(name)) / best;
  bench.settings.log(`vserve: ${value.toFixed(0)} % of its best fixed number of threads`);
  const unit = '% of the best fixed number of threads';
  record(bench.figures, 'vserve', [{ name: `${name}, by default`, unit, value }], undefined);
}
