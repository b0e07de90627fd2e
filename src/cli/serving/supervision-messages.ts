import type { PastCrashes, WatchedRequest } from '../../server/index.ts';

/** The ports of a server that picked them itself: they stay the same when it is started again. */
export interface PickedPorts {
  readonly port: number;
  readonly metricsPort: number | undefined;
}

/** What a supervisor tells a server when it starts it. */
export interface StartMessage {
  readonly past: PastCrashes;
  readonly ports: PickedPorts | undefined;
  /** The fingerprints of requests that are not to be run. */
  readonly refused: readonly string[];
}

/** What a server tells its supervisor. */
export type ServerMessage =
  | { readonly type: 'ready'; readonly ports: PickedPorts }
  | { readonly type: 'begin'; readonly serial: number; readonly request: WatchedRequest }
  | { readonly type: 'end'; readonly serial: number };
