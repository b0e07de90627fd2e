import type { Distribution, LoadedModel, ModelStats, ModelWork } from '../../backend/index.ts';

type Measured = Pick<LoadedModel, 'stats' | 'work'>;
type Total = { -readonly [Name in keyof ModelWork]: ModelWork[Name] };

const NO_SPREAD: Distribution = { bounds: [], counts: [0], sum: 0 };

/** What all models of a server have computed together, those included that have left memory. */
export class ModelTotals {
  readonly #active: () => readonly Measured[];
  #retired: ModelWork | undefined;

  constructor(active: () => readonly Measured[]) {
    this.#active = active;
  }

  /** Keeps what a model has computed. Call it before the model is closed. */
  retire(model: Measured): void {
    const work = model.work?.();
    if (work !== undefined)
      this.#retired = sumOf([this.#retired ?? none(), { ...work, cachedTokens: 0, copiedBytes: 0 }]);
  }

  stats(): ModelStats {
    const all = this.#active().map((model) => model.stats());
    return {
      sequencesRunning: all.reduce((sum, { sequencesRunning }) => sum + sequencesRunning, 0),
      sequencesQueued: all.reduce((sum, { sequencesQueued }) => sum + sequencesQueued, 0),
    };
  }

  work(): ModelWork {
    const all = this.#active().flatMap((model) => model.work?.() ?? []);
    return sumOf([this.#retired ?? none(), ...all]);
  }
}

function sumOf(works: readonly ModelWork[]): ModelWork {
  const total: Total = none();
  for (const work of works) {
    total.stepMs = together(total.stepMs, work.stepMs);
    total.stepSequences = together(total.stepSequences, work.stepSequences);
    total.promptTokens += work.promptTokens;
    total.forcedTokens += work.forcedTokens;
    total.preemptions += work.preemptions;
    total.encodes += work.encodes;
    total.encodedTokens += work.encodedTokens;
    total.knownImages += work.knownImages;
    total.cachedTokens += work.cachedTokens;
    total.copiedBytes += work.copiedBytes;
  }
  return total;
}

/** Of a backend, all have the same ranges. */
function together(one: Distribution, other: Distribution): Distribution {
  if (one.bounds.length === 0) return other;
  if (other.bounds.length === 0) return one;
  const counts = one.counts.map((count, index) => count + (other.counts[index] ?? 0));
  return { bounds: one.bounds, counts, sum: one.sum + other.sum };
}

function none(): Total {
  return {
    stepMs: NO_SPREAD,
    stepSequences: NO_SPREAD,
    promptTokens: 0,
    forcedTokens: 0,
    preemptions: 0,
    encodes: 0,
    encodedTokens: 0,
    knownImages: 0,
    cachedTokens: 0,
    copiedBytes: 0,
  };
}
