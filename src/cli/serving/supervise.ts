import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Crash, SocketHandle, WatchedRequest } from '../../server/index.ts';
import type { ServeSettingName, Settings } from '../../settings/index.ts';
import type { Context } from '../context.ts';
import { EndedAs } from '../ended-as.ts';
import { Interrupted } from '../interruption.ts';
import { openLog } from '../open-log.ts';
import { formatDuration } from '../printable.ts';
import { CrashHistory } from './crash-history.ts';
import { HeldSockets } from './held-sockets.ts';
import type { PickedPorts, ServerMessage, StartMessage } from './supervision-messages.ts';

/** Signals that a person or a service manager sends. */
const DELIBERATE: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
/** Windows' exit statuses of crashes begin here: 0xC0000005 is an access violation. */
const LEAST_NT_ERROR = 0xc0_00_00_00;

interface RunningRequest extends WatchedRequest {
  /** By `performance.now()`. */
  readonly sinceMs: number;
}

/** How a server has ended. */
interface End {
  readonly exitCode: number;
  /** The signal that ended it, unless it was sent on purpose; an exit status on Windows. */
  readonly crash: string | undefined;
  readonly wasReady: boolean;
  readonly livedMs: number;
  readonly running: readonly RunningRequest[];
}

/**
 * Serves in a process of its own, and starts it again when it crashes, which ends running requests and nothing else: new
 * connections wait until the next one accepts them. Resolves never: throws `EndedAs`, or the signal's reason.
 */
export async function supervise(settings: Pick<Settings, ServeSettingName>, context: Context): Promise<never> {
  const { output, signal } = context;
  const history = new CrashHistory();
  let lastCrash: Crash | undefined;
  let ports: PickedPorts | undefined;
  const sockets = new HeldSockets();
  for (;;) {
    const past = { restarts: history.restarts, lastCrash };
    const start: StartMessage = { past, ports, socketCount: sockets.count, refused: history.refused };
    const end = await runServer(start, { onPorts: (picked) => (ports = picked), history, sockets }, context);
    if (end.crash === undefined || signal.aborted) throw new EndedAs(end.exitCode);
    lastCrash = { signal: end.crash, at: new Date().toISOString() };
    // One that never was ready would not be the next time.
    const hasServed = end.wasReady || history.restarts > 0;
    const delayMs = hasServed ? history.add(performance.now(), end.running) : undefined;
    await openLog(settings, output);
    output.log('error', describeCrash(end, hasServed, delayMs), fieldsOf(end));
    await output.closeLog();
    if (delayMs === undefined) throw new EndedAs(end.exitCode);
    await setTimeout(delayMs, undefined, { signal });
  }
}

interface Watching {
  readonly onPorts: (ports: PickedPorts) => void;
  readonly history: CrashHistory;
  readonly sockets: HeldSockets;
}

/** Runs a server until it has ended, with the signals that this process gets. */
async function runServer(start: StartMessage, { onPorts, history, sockets }: Watching, context: Context): Promise<End> {
  const { signal, hangups, reportRequests } = context;
  const startedAtMs = performance.now();
  const running = new Map<number, RunningRequest>();
  let wasReady = false;
  const child = startServer();
  const forward = (name: NodeJS.Signals) => () => void child.kill(name);
  const stop = (): void => void child.kill(signal.reason instanceof Interrupted ? signal.reason.signal : 'SIGTERM');
  const [hangUp, report] = [forward('SIGHUP'), forward('SIGUSR1')];
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  hangups.addEventListener('hangup', hangUp);
  reportRequests.addEventListener('report', report);
  child.on('message', (message: ServerMessage, handle: unknown) => {
    if (message.type === 'socket') {
      sockets.hold(message, handle as SocketHandle | undefined);
    } else if (message.type === 'closing') {
      sockets.release();
    } else if (message.type === 'begin') {
      running.set(message.serial, { ...message.request, sinceMs: performance.now() });
    } else if (message.type === 'end') {
      const ended = running.get(message.serial);
      running.delete(message.serial);
      if (ended !== undefined) history.clear(ended);
    } else {
      wasReady = true;
      onPorts(message.ports);
    }
  });
  child.send(start, () => undefined);
  sockets.sendTo(child);
  try {
    // What it has told last may come after its end.
    const [[code, name]] = await Promise.all([
      once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
      once(child, 'disconnect'),
    ]);
    return {
      exitCode: name === null ? (code ?? 1) : 128 + constants.signals[name],
      crash: crashOf(code, name),
      wasReady,
      livedMs: performance.now() - startedAtMs,
      running: [...running.values()],
    };
  } finally {
    signal.removeEventListener('abort', stop);
    hangups.removeEventListener('hangup', hangUp);
    reportRequests.removeEventListener('report', report);
  }
}

/** The same command line, as a server. */
function startServer(): ChildProcess {
  const [, program = '', ...args] = process.argv;
  const verb = args.indexOf('serve') + 1;
  return spawn(
    process.execPath,
    [...process.execArgv, program, ...args.slice(0, verb), '--supervised', ...args.slice(verb)],
    {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      // In a group of its own: Ctrl+C goes to all of a group, and would come twice.
      detached: process.platform !== 'win32',
    },
  );
}

function crashOf(code: number | null, name: NodeJS.Signals | null): string | undefined {
  if (name !== null) return DELIBERATE.includes(name) ? undefined : name;
  return code !== null && code >= LEAST_NT_ERROR ? `0x${code.toString(16)}` : undefined;
}

/** `delayMs`: until it is started again. */
function describeCrash({ crash, livedMs, running }: End, hasServed: boolean, delayMs: number | undefined): string {
  const end = `The server ended with ${String(crash)} after ${formatDuration(livedMs)}.`;
  const next =
    delayMs === undefined
      ? `It is not started again: it ${hasServed ? `crashed ${CrashHistory.most + 1} times in 10 minutes` : 'never was ready'}.`
      : `Starting it again${delayMs === 0 ? '' : ` in ${formatDuration(delayMs)}`}.`;
  if (running.length === 0) return `${end} No request was running. ${next}`;
  return [`${end} These requests were running:`, ...running.map(lineOf), next].join('\n');
}

function lineOf({ requestId, target, sinceMs }: RunningRequest): string {
  return `${requestId} ${target} for ${formatDuration(performance.now() - sinceMs)}`;
}

function fieldsOf({ crash, livedMs, running }: End): Readonly<Record<string, unknown>> {
  return { signal: crash, livedMs: Math.round(livedMs), requestIds: running.map(({ requestId }) => requestId) };
}
