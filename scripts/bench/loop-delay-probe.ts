/**
 * Measures the event loop of the process that loads it (`node --import "loop-delay-probe.js?port=N"`). Each GET on that
 * port answers with what was measured since the last one, in milliseconds: {"p99Ms", "maxMs"}.
 */
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const resolutionMs = 1;

if (isMainThread) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  // The histogram counts the time from one timer to the next: what is beyond the timer's own is delay.
  const delayMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  const server = createServer((_request, response) => {
    response.end(JSON.stringify({ p99Ms: delayMs(histogram.percentile(99)), maxMs: delayMs(histogram.max) }));
    histogram.reset();
  });
  // Processes that this one forks load the probe too, and find the port taken.
  server.on('error', () => histogram.disable());
  server.listen(Number(new URL(import.meta.url).searchParams.get('port')), '127.0.0.1').unref();
}
