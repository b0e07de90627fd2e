import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { VserveError } from '../errors/index.ts';
import { refuse } from './client-errors.ts';
import type { OnRefused } from './client-errors.ts';

/** Time for the first byte of a connection. */
const FIRST_BYTE_MS = 60_000;
/** A TLS record of a handshake (RFC 8446, section 5.1). */
const HANDSHAKE_RECORD = 22;

/** Passes connections on to an HTTPS server. Those that do not begin with TLS are told to: it could not answer them. */
export function tlsConnections(server: Server, onRefused: OnRefused): (socket: Socket) => void {
  return (socket) => {
    const giveUp = (): void => void socket.destroy();
    socket.setTimeout(FIRST_BYTE_MS, giveUp);
    socket.on('error', giveUp);
    socket.once('end', giveUp);
    socket.once('data', (start: Buffer) => {
      socket.pause();
      socket.setTimeout(0);
      for (const event of ['error', 'end', 'timeout']) socket.off(event, giveUp);
      if (start[0] === HANDSHAKE_RECORD) {
        socket.unshift(start);
        server.emit('connection', socket);
        process.nextTick(() => socket.resume());
      } else {
        socket.on('error', giveUp);
        refuse(socket, needsTls(), onRefused);
      }
    });
  };
}

function needsTls(): VserveError {
  return new VserveError('invalid_request', 'This port speaks HTTPS only. Use an address that begins with https://.');
}
