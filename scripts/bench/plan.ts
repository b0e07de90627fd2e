import { scenarioNames } from './scenarios/index.ts';
import type { ScenarioName } from './scenarios/index.ts';

/** The large model takes its time; the embedded one is so small that only the servers' own work shows. */
export type ModelKind = 'large' | 'hybrid' | 'embedded';

interface Estimate {
  /** Starting the servers. */
  readonly onceS: number;
  readonly perRoundS: number;
}

/** Where each scenario runs, and how long it takes on two quiet cores with the default loads. */
const estimates: Readonly<Record<ScenarioName, Partial<Record<ModelKind, Estimate>>>> = {
  start: { large: { onceS: 0, perRoundS: 45 } },
  tokens: { large: { onceS: 10, perRoundS: 110 }, embedded: { onceS: 5, perRoundS: 15 } },
  text: { large: { onceS: 0, perRoundS: 3 }, embedded: { onceS: 0, perRoundS: 2 } },
  structured: { large: { onceS: 0, perRoundS: 60 } },
  formats: { large: { onceS: 0, perRoundS: 35 } },
  behind: { large: { onceS: 0, perRoundS: 40 } },
  image: { large: { onceS: 10, perRoundS: 40 } },
  album: { large: { onceS: 15, perRoundS: 240 } },
  hybrid: { hybrid: { onceS: 10, perRoundS: 15 } },
  agent: { embedded: { onceS: 5, perRoundS: 15 } },
  gap: { large: { onceS: 0, perRoundS: 20 } },
  cancel: { large: { onceS: 0, perRoundS: 15 } },
  media: { large: { onceS: 0, perRoundS: 60 } },
  pictures: { large: { onceS: 0, perRoundS: 200 } },
  busy: { large: { onceS: 15, perRoundS: 150 } },
  tenants: { large: { onceS: 10, perRoundS: 20 } },
  hop: { large: { onceS: 20, perRoundS: 75 } },
};

/** Scenarios to run on one model, with the expected duration of each. */
export interface Part {
  readonly kind: ModelKind;
  readonly scenarios: readonly { readonly name: ScenarioName; readonly expectedS: number }[];
}

/** The scenarios of `only`, by the models that they run on; a smoke test has them all on the embedded one. */
export function planOf(only: readonly ScenarioName[], { rounds, quick }: { rounds: number; quick: boolean }): Part[] {
  const kinds: readonly ModelKind[] = quick ? ['embedded'] : ['large', 'hybrid', 'embedded'];
  const parts = kinds.map((kind) => ({
    kind,
    scenarios: scenarioNames
      .filter((name) => only.includes(name) && (quick || estimates[name][kind] !== undefined))
      .map((name) => ({ name, expectedS: expectedS(estimates[name][kind], rounds) })),
  }));
  return parts.filter(({ scenarios }) => scenarios.length > 0);
}

/** How long the scenarios of all parts take, in seconds. */
export function totalOf(parts: readonly Part[]): number {
  return parts.flatMap(({ scenarios }) => scenarios).reduce((sum, scenario) => sum + scenario.expectedS, 0);
}

/** `45 s`, `12 min`. */
export function roughly(seconds: number): string {
  return seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`;
}

/** A smoke test's loads are small. */
function expectedS(estimate: Estimate | undefined, rounds: number): number {
  return estimate === undefined ? 5 : estimate.onceS + rounds * estimate.perRoundS;
}
