import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import type { LeafRules } from './leaf-rules.ts';
import type { NoValue } from './refuse.ts';
import type { WorkBudget } from './work-budget.ts';

/** What the readers of single types need of the compiler. */
export interface SchemaReader {
  readonly leaves: LeafRules;
  readonly budget: WorkBudget;
  /** Rewrites a schema within the one that is being read. */
  readonly any: (schema: JsonValue, path: string) => JsonObject;
  /** What a reference points to, or the schema itself. */
  readonly resolved: (schema: JsonValue) => JsonValue;
  /** Whether what is read is one of several alternatives, so that parts that nothing fulfils are no mistake. */
  readonly isAlternative: boolean;
  /** As `any`, but returns the error about what allows no value. */
  readonly attempt: (schema: JsonValue, path: string) => JsonObject | NoValue;
}
