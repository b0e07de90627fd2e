import { once } from 'node:events';
import { VserveError } from '../../errors/index.ts';
import type { CrashWatch, RunningServer, Supervision } from '../../server/index.ts';
import type { Settings } from '../../settings/index.ts';
import type { ServerMessage, StartMessage } from './supervision-messages.ts';

type Ports = Pick<Settings, 'port' | 'metricsEndpointPort'>;

/** A server's side of `--restart-on-crash`. */
export interface Supervised {
  readonly supervision: Supervision;
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
  const [{ past, ports, refused }] = (await once(process, 'message')) as [StartMessage];
  const tell = (message: ServerMessage): void => {
    // Without a callback, Node throws when the supervisor has just ended.
    send(message, undefined, {}, () => undefined);
  };
  return {
    supervision: { past, watch: watchBy(tell, new Set(refused)) },
    withPorts: (settings) => (ports === undefined ? settings : { ...settings, ...portsOf(settings, ports) }),
    tellReady({ port, metricsUrl }) {
      const metricsPort = metricsUrl === undefined ? undefined : Number(new URL(metricsUrl).port);
      tell({ type: 'ready', ports: { port, metricsPort } });
    },
  };
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
