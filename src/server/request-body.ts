import type { IncomingMessage } from 'node:http';
import { messageOf, VserveError } from '../errors/index.ts';
import { invalidJson, JsonScanner } from './json-scanner.ts';
import { receiveBody } from './receive-body.ts';
import type { BodyReader, ReceivedBody, ReceiveOptions } from './receive-body.ts';

/** Bytes parsed at a time, between two turns of the event loop. */
const BLOCK_BYTES = 64 * 1024;
/** Bytes made a string at a time: few, since what follows may be the data of an image, which needs none. */
const TEXT_BYTES = 4 * 1024;

export type JsonBody = ReceivedBody<unknown>;

/** Reads a JSON body of at most `maxBytes`, decoded. Throws `invalid_json`, and what `receiveBody` throws. */
export async function readJsonBody(request: IncomingMessage, options: ReceiveOptions): Promise<JsonBody> {
  return receiveBody(request, options, new JsonReader());
}

class JsonReader implements BodyReader<unknown> {
  readonly #scanner = new JsonScanner();
  // Rejects invalid UTF-8 and skips the byte order mark that some clients send.
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** Collects small chunks: a client may send its body byte by byte. */
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  #endsInAscii = true;
  #isEmpty = true;

  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#isEmpty = false;
    if (isWholeBuffer(chunk) && chunk.length > BLOCK_BYTES / 2 && chunk.length <= BLOCK_BYTES) {
      // Large images are not copied.
      if (this.#filled > 0) this.#scanBlock();
      this.#scan(new Uint8Array(chunk.buffer), (piece) => (isWholeBuffer(piece) ? piece : piece.slice()));
      return;
    }
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled === this.#block.length) this.#scanBlock();
    }
  }

  end(): unknown {
    if (this.#isEmpty) throw new VserveError('invalid_json', 'The request has no body. Send a JSON object.');
    this.#scanBlock();
    this.#scanner.push(textOf(this.#decoder, new Uint8Array(), { stream: false }));
    return this.#scanner.end();
  }

  discard(): void {
    this.#scanner.discard();
  }

  #scanBlock(): void {
    this.#scan(this.#block.subarray(0, this.#filled), (piece) => piece.slice());
    this.#filled = 0;
  }

  #scan(given: Uint8Array, keep: (piece: Uint8Array) => Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < given.length;) {
      // The decoder must not be bypassed while it holds an incomplete character.
      const plain = this.#endsInAscii ? this.#scanner.pushPlain(given.subarray(at), keep) : 0;
      at += plain;
      const text = given.subarray(at, at + TEXT_BYTES);
      if (text.length === 0) break;
      this.#scanner.push(textOf(this.#decoder, text, { stream: true }));
      this.#endsInAscii = (text.at(-1) ?? 0) < 0x80;
      at += text.length;
    }
  }
}

/** Whether the bytes span their whole buffer, so that it can be transferred. */
function isWholeBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
}

function textOf(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array, options: { stream: boolean }): string {
  try {
    return decoder.decode(bytes, options);
  } catch (cause) {
    throw invalidJson(messageOf(cause), cause);
  }
}
