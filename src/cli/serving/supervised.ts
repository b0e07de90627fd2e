import type { SendHandle } from 'node:child_process';
import { on } from 'node:events';
import { VserveError } from '../../errors/index.ts';
import type { CrashWatch, KeptSockets, RunningServer, SocketHandle, Supervision } from '../../server/index.ts';
import type { Settings } from '../../settings/index.ts';
import type { ServerMessage, SocketMessage, StartMessage } from './supervision-messages.ts';

type Ports = Pick<Settings, 'port' | 'metricsEndpointPort'>;

/** A server's side of `--restart-on-crash`. */
export interface Supervised {
  readonly supervision: Supervision;
  /** Whether the server before this one has left sockets. */
  readonly hasSockets: boolean;
  /** The settings, with the ports that the server had before. */
  withPorts<Given extends Ports>(settings: Given): Given;
  tellReady(running: RunningServer): void;
}

/**
 * Begins to tell the supervisor, at the other end of this process's channel, what runs. When the supervisor is gone, this
 * process stops as at SIGTERM. Throws `invalid_setting` without one.
 */
export async function superviseMe(): Promise<Supervised> {
  const send = process.send?.bind(process);
  if (send === undefined) {
    throw new VserveError('invalid_setting', '--supervised is for vserve itself: use --restart-on-crash.');
  }
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  const { start, sockets } = await startMessages();
  const { past, ports, refused } = start;
  const tell = (message: ServerMessage, handle?: SocketHandle): void => {
    // Without a callback, Node throws when the supervisor has just ended.
    send(message, handle as SendHandle, {}, () => undefined);
  };
  return {
    supervision: { past, watch: watchBy(tell, new Set(refused)), keptSockets: keptBy(tell, sockets) },
    hasSockets: sockets.size > 0,
    withPorts: (settings) => (ports === undefined ? settings : { ...settings, ...portsOf(settings, ports) }),
    tellReady({ port, metricsUrl }) {
      const metricsPort = metricsUrl === undefined ? undefined : Number(new URL(metricsUrl).port);
      tell({ type: 'ready', ports: { port, metricsPort } });
    },
  };
}

type Sockets = ReadonlyMap<string, SocketHandle>;

/** What the supervisor says at the beginning: one message, and one for each socket. */
async function startMessages(): Promise<{ readonly start: StartMessage; readonly sockets: Sockets }> {
  const messages = on(process, 'message');
  const next = async () => (await messages.next()).value as [StartMessage | SocketMessage, SocketHandle | undefined];
  const [start] = (await next()) as [StartMessage, undefined];
  const sockets = new Map<string, SocketHandle>();
  for (let count = 0; count < start.socketCount; count += 1) {
    const [{ host, port }, handle] = (await next()) as [SocketMessage, SocketHandle | undefined];
    if (handle !== undefined) sockets.set(addressOf(host, port), handle);
  }
  await messages.return?.();
  return { start, sockets };
}

function keptBy(tell: (message: ServerMessage, handle?: SocketHandle) => void, sockets: Sockets): KeptSockets {
  return {
    take: (host, port) => sockets.get(addressOf(host, port)),
    keep: (host, port, handle) => {
      // Windows shares listening sockets in another way.
      if (process.platform !== 'win32') tell({ type: 'socket', host, port }, handle);
    },
    release: () => tell({ type: 'closing' }),
  };
}

function addressOf(host: string, port: number): string {
  return `${host} ${port}`;
}

/** Of those that a server was to pick, the ones that it has picked. */
function portsOf({ port, metricsEndpointPort }: Ports, picked: NonNullable<StartMessage['ports']>): Ports {
  return {
    port: port === 0 ? picked.port : port,
    metricsEndpointPort: metricsEndpointPort === 0 ? (picked.metricsPort ?? 0) : metricsEndpointPort,
  };
}

/** Numbers the requests, whose ids are their clients'. */
function watchBy(tell: (message: ServerMessage) => void, refused: ReadonlySet<string>): CrashWatch {
  let count = 0;
  return {
    begin(request) {
      if (refused.has(request.fingerprint)) {
        const message =
          'This request was running both times when the engine ended the process, and is not run again. Change it, or restart the server.';
        throw new VserveError('request_crashes', message);
      }
      const serial = ++count;
      tell({ type: 'begin', serial, request });
      return () => tell({ type: 'end', serial });
    },
  };
}
