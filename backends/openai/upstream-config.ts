import type { Capabilities } from '../../src/backend/index.ts';
import type { Dialect } from './dialect.ts';

/** What the settings say of an upstream. */
export interface UpstreamConfig {
  /** Without `/v1` and a slash behind it: `http://10.0.0.7:8000`, `https://gateway/team-a`, `unix:/run/engine.sock`. */
  readonly url: string;
  readonly key: string | undefined;
  readonly weight: number;
  /** Requests at a time; undefined asks the upstream, or takes `DEFAULT_CAPACITY`. */
  readonly capacity: number | undefined;
  /** Its names of models, by the names that they are served by here; undefined takes what it lists. */
  readonly models: ReadonlyMap<string, string> | undefined;
  /** Undefined finds out. */
  readonly dialect: Dialect | undefined;
  /** What it can and cannot, where it does not tell. */
  readonly capabilities: Partial<Pick<Capabilities, DeclaredCapability>>;
}

export const declaredCapabilities = [
  'vision',
  'tools',
  'structuredOutput',
  'reasoning',
  'logProbs',
  'embeddings',
  'rawPrompts',
] as const;

export type DeclaredCapability = (typeof declaredCapabilities)[number];

/** Sequences that vLLM runs at a time unless it is told otherwise, halved: servers do not tell. */
export const DEFAULT_CAPACITY = 128;
