/**
 * How the policies of --upstream-policy fare before many replicas of a vision model: a discrete-event simulation of people
 * who come, ask a few times about pictures or other things, and leave, with replicas that keep what they have computed, and
 * that fail. The policies are the very modules that the upstream backend uses. Prints a Markdown table: time to the first
 * token, places taken, turns that found their conversation cached, requests that were lost.
 *
 *     node dist/scripts/simulate.js [--replicas 10,100,1000] [--requests 200000] [--load 0.7] [--failure-every 3600]
 *                                   [--policies affinity,round-robin] [--seed 1] [--check]
 *
 * --load is the part of all places that is taken; --failure-every the seconds between two failures of a replica, 0 for none.
 * --check compares it with the backend itself in front of HTTP servers that take as long as such replicas, at a small scale,
 * five times as fast, which takes a minute for each policy. It exits with 1 where the parts of turns that were cached differ by
 * more than ten of a hundred; the times are worth a look on a quiet machine only.
 */
import type { UpstreamPolicy } from '../src/backend/index.ts';
import { upstreamPolicies } from '../src/backend/index.ts';
import { scriptArguments, usageError } from './arguments.ts';
import { measureReal } from './simulate/real.ts';
import type { Measured } from './simulate/simulation.ts';
import { simulate } from './simulate/simulation.ts';

const { values } = scriptArguments({
  options: {
    replicas: { type: 'string', default: '10,100,1000' },
    requests: { type: 'string', default: '200000' },
    load: { type: 'string', default: '0.7' },
    'failure-every': { type: 'string', default: '3600' },
    policies: { type: 'string', default: upstreamPolicies.join(',') },
    seed: { type: 'string', default: '1' },
    check: { type: 'boolean', default: false },
  },
});

const seed = numberOf('seed', values.seed);
const load = numberOf('load', values.load);
const policies = values.policies.split(',').map(policyOf);

if (values.check) await check();
else table();

function table(): void {
  const failureEveryS = numberOf('failure-every', values['failure-every']);
  console.log('| replicas | policy | TTFT p50 | p95 | p99 | places taken | turns cached | lost | busiest |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const replicas of values.replicas.split(',').map((text) => numberOf('replicas', text))) {
    for (const policy of policies) {
      const failureEveryMs = failureEveryS === 0 ? undefined : failureEveryS * 1000;
      const requests = numberOf('requests', values.requests);
      console.log(row(replicas, policy, simulate({ replicas, policy, requests, load, failureEveryMs, seed })));
    }
  }
}

function row(replicas: number, policy: string, measured: Measured): string {
  const { ttftMs, utilisation, prefixHits, lost, imbalance } = measured;
  const times = [0.5, 0.95, 0.99].map((part) => `${quantile(ttftMs, part).toFixed(0)} ms`);
  const parts = [utilisation, prefixHits].map((part) => `${(100 * part).toFixed(0)} %`);
  return `| ${[String(replicas), policy, ...times, ...parts, String(lost), `${imbalance.toFixed(2)} × mean`].join(' | ')} |`;
}

async function check(): Promise<void> {
  const small = { replicas: 4, requests: 1200, load, seed };
  console.log('| policy | turns cached, simulated | measured | TTFT p50, simulated | measured |');
  console.log('|---|---|---|---|---|');
  for (const policy of policies) {
    const simulated = simulate({ ...small, policy, failureEveryMs: undefined });
    const measured = await measureReal({ ...small, policy, speed: 5 });
    const both = [simulated, measured];
    const parts = both.map(({ prefixHits }) => `${(100 * prefixHits).toFixed(0)} %`);
    const times = both.map(({ ttftMs }) => `${quantile(ttftMs, 0.5).toFixed(0)} ms`);
    console.log(`| ${[policy, ...parts, ...times].join(' | ')} |`);
    if (Math.abs(simulated.prefixHits - measured.prefixHits) > 0.1) process.exitCode = 1;
  }
}

function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  return Number.isFinite(number) && number >= 0 ? number : usageError(`--${name} must be a number, not ${text}.`);
}

function policyOf(name: string): UpstreamPolicy {
  const known = upstreamPolicies.find((policy) => policy === name);
  return known ?? usageError(`There is no policy ${name}: take one of ${upstreamPolicies.join(', ')}.`);
}
