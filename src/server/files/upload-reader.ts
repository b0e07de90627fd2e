import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { BusboyInstance } from '@fastify/busboy';
import { show } from '../../api/index.ts';
import { messageOf, VserveError } from '../../errors/index.ts';
import { exactSize } from '../../formats/exact-size.ts';
import type { BodyReader } from '../receive-body.ts';
import { ByteBlocks } from './byte-blocks.ts';

const MAX_FIELDS = 20;
const MAX_PARTS = MAX_FIELDS + 1;
const MAX_FIELD_BYTES = 1024;
const MAX_HEADERS = 20;
/** Longer names are cut. */
const MAX_NAME_CHARACTERS = 255;
/** As RFC 6838 has the names of media types. */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
const DEFAULT_MEDIA_TYPE = 'application/octet-stream';

/** The file of an upload, and what its form says besides. */
export interface UploadForm {
  readonly fields: ReadonlyMap<string, string>;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
}

interface IncomingFile {
  readonly name: string;
  readonly mediaType: string;
  readonly blocks: ByteBlocks;
}

/** Reads `multipart/form-data` with one file, of at most `maxFileBytes`, as it comes. */
export class UploadReader implements BodyReader<UploadForm> {
  readonly #maxFileBytes: number;
  readonly #parser: BusboyInstance;
  readonly #fields = new Map<string, string>();
  #error: VserveError | undefined;
  /** Rejects what is waited for. */
  #reject: (error: VserveError) => void = () => undefined;
  #file: IncomingFile | undefined;

  /** Throws `unsupported_media_type` for a body of another type, `invalid_request` for one without a boundary. */
  constructor(contentType: string | undefined, maxFileBytes: number) {
    this.#maxFileBytes = maxFileBytes;
    this.#parser = parserOf(contentType);
    this.#parser.on('error', (error) => this.#fail(broken(messageOf(error), error)));
    this.#parser.on('file', (field, stream, name, _encoding, mediaType) =>
      this.#take(field, stream, { name: name ?? '', mediaType, blocks: new ByteBlocks() }),
    );
    this.#parser.on('field', (name, value, _nameTruncated, isTruncated) => this.#add(name, value, isTruncated));
    this.#parser.on('fieldsLimit', () => this.#fail(refused(`it has more than ${String(MAX_FIELDS)} fields`)));
    this.#parser.on('filesLimit', () => this.#fail(refused('it has several files', 'file')));
    this.#parser.on('partsLimit', () => {
      // Ends the parser in the middle of a chunk, which may have thousands of parts.
      throw refused(`it has more than ${String(MAX_PARTS)} parts`);
    });
  }

  push(chunk: Uint8Array): Promise<void> {
    return this.#unlessFailed((onTaken) => this.#parser.write(chunk, onTaken));
  }

  async end(): Promise<UploadForm> {
    await this.#unlessFailed((onEnded) => this.#parser.once('finish', onEnded).end());
    if (this.#file === undefined) throw refused('it has no file in a field named file', 'file');
    const { name, mediaType, blocks } = this.#file;
    if (blocks.bytes === 0) throw refused('its file is empty (0 bytes)', 'file');
    return { fields: this.#fields, name, mediaType, bytes: blocks.bytes, pieces: blocks.end() };
  }

  discard(): void {
    this.#file = undefined;
    this.#parser.destroy();
  }

  /** Waits until `begin` calls back, or the form has turned out to be wrong. */
  #unlessFailed(begin: (onDone: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      begin(() => resolve());
      if (this.#error !== undefined) reject(this.#error);
    });
  }

  #fail(error: VserveError): void {
    this.#error ??= error;
    this.#reject(this.#error);
  }

  #take(field: string, stream: Readable, file: IncomingFile): void {
    // Of a body that ends too early, which the parser tells as well.
    stream.on('error', (error) => this.#fail(broken(messageOf(error), error)));
    if (field !== 'file') {
      this.#fail(refused(`it has a file in the field ${show(field)}, not in file`, 'file'));
      stream.resume();
      return;
    }
    this.#file = { ...file, name: nameOf(file.name), mediaType: mediaTypeOf(file.mediaType) };
    stream.on('data', (chunk: Uint8Array) => {
      if (file.blocks.bytes + chunk.length > this.#maxFileBytes) this.#fail(tooLarge(this.#maxFileBytes));
      else file.blocks.push(chunk);
    });
  }

  #add(name: string, value: string, isTruncated: boolean): void {
    if (isTruncated) this.#fail(refused(`its field ${show(name)} is longer than ${String(MAX_FIELD_BYTES)} bytes`));
    else if (name === 'file') this.#fail(refused('its field file is a text: send a part with a filename', 'file'));
    else if (this.#fields.has(name)) this.#fail(refused(`it has the field ${show(name)} twice`));
    else this.#fields.set(name, value);
  }
}

function parserOf(contentType: string | undefined): BusboyInstance {
  if (contentType === undefined || !/^multipart\/form-data\s*(?:;|$)/i.test(contentType)) {
    const given = contentType === undefined ? 'nothing' : show(contentType);
    const message = `A file is sent as multipart/form-data, not as ${given}: curl -F purpose=user_data -F file=@invoice.pdf`;
    throw new VserveError('unsupported_media_type', message);
  }
  const limits = {
    files: 1,
    fields: MAX_FIELDS,
    parts: MAX_PARTS,
    fieldSize: MAX_FIELD_BYTES,
    headerPairs: MAX_HEADERS,
  };
  try {
    return new Busboy({ headers: { 'content-type': contentType }, limits });
  } catch (cause) {
    throw broken(messageOf(cause), cause);
  }
}

/** A name without control characters and halves of characters, which lists and headers could not show. */
function nameOf(name: string): string {
  const printable = Array.from(name.replaceAll(/[\p{Cc}\p{Cs}]/gu, '')).slice(0, MAX_NAME_CHARACTERS);
  return printable.length === 0 ? 'unnamed' : printable.join('');
}

/** What is no media type says nothing. */
function mediaTypeOf(text: string): string {
  return MEDIA_TYPE.test(text) ? text : DEFAULT_MEDIA_TYPE;
}

function broken(reason: string, cause: unknown): VserveError {
  return new VserveError('invalid_request', `The body is not the form of an upload: ${reason.replace(/\.$/, '')}.`, {
    cause,
  });
}

function refused(reason: string, param = ''): VserveError {
  const message = `The form of the upload cannot be taken: ${reason}. It has one file, in a field named file.`;
  return new VserveError('invalid_request', message, { param });
}

function tooLarge(maxBytes: number): VserveError {
  const message = `The file is larger than ${exactSize(maxBytes)}, what this server keeps of all files together (--max-stored-file-bytes). Send it in the request, or a smaller one.`;
  return new VserveError('request_too_large', message, { param: 'file' });
}
