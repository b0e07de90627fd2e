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
  /** Of the sockets that follow, each with a message of its own. */
  readonly socketCount: number;
  /** The fingerprints of requests that are not to be run. */
  readonly refused: readonly string[];
}

/** Comes with a socket that listens at this address. */
export interface SocketMessage {
  readonly type: 'socket';
  /** As `--host` names it. */
  readonly host: string;
  readonly port: number;
}

/** What a server tells its supervisor. */
export type ServerMessage =
  | SocketMessage
  /** Its sockets are of no more use. */
  | { readonly type: 'closing' }
  | { readonly type: 'ready'; readonly ports: PickedPorts }
  | { readonly type: 'begin'; readonly serial: number; readonly request: WatchedRequest }
  | { readonly type: 'end'; readonly serial: number };
