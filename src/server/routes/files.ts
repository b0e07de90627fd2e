import type { Context } from 'hono';
import { Hono } from 'hono';
import { z } from 'zod';
import {
  deletedFileJson,
  deletedFileSchema,
  fileJson,
  filePageJson,
  filePageSchema,
  fileSchema,
  messagesDeletedFileJson,
  messagesDeletedFileSchema,
  messagesFileJson,
  messagesFilePageJson,
  messagesFilePageSchema,
  messagesFileSchema,
  readFilePage,
  readUploadFields,
  uploadFormSchema,
} from '../../api/files/index.ts';
import { openaiErrors } from '../../api/index.ts';
import { messagesErrors } from '../../api/messages/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import { bodyLimits } from '../body-limits.ts';
import { isForAnthropic } from '../error-formats.ts';
import type { StoredFile } from '../files/file-store.ts';
import { storedFile } from '../files/stored-files.ts';
import { UploadReader } from '../files/upload-reader.ts';
import type { RouteTraits } from '../openapi/describe.ts';
import {
  describeDownload,
  describeRead,
  describeUpload,
  optionalParameter,
  pathParameter,
} from '../openapi/describe.ts';
import { ownerOf } from '../owner.ts';
import { pieceStream } from '../piece-stream.ts';
import { receiveBody } from '../receive-body.ts';
import type { RouteOptions } from '../route-options.ts';
import { inStep } from '../traces/trace-requests.ts';

type RouteContext = Context<RequestContext>;

const ID = pathParameter('id');
const VERSION = optionalParameter('header', 'anthropic-version', z.string(), "Asks for Anthropic's format.");
const PAGE = [
  optionalParameter('query', 'limit', z.int().min(1).max(10_000), 'How many files a page has at most.'),
  optionalParameter('query', 'order', z.enum(['asc', 'desc']), 'The latest come first without it.'),
  optionalParameter('query', 'after', z.string(), 'The id of the file before the page.'),
  optionalParameter('query', 'purpose', z.string(), 'Only files with this purpose.'),
];

/**
 * `/v1/files`: files that requests name by their ids, as OpenAI's API has them and, for clients that speak it, Anthropic's. They
 * are in memory, each for the API key that it came with.
 */
export function fileRoutes(
  options: RouteOptions,
  { alsoForAnthropic }: { readonly alsoForAnthropic: boolean },
): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  const describe = descriptions(alsoForAnthropic);
  const speaksAnthropic = ({ req }: RouteContext): boolean => alsoForAnthropic && isForAnthropic(req.raw.headers);
  routes.post('/v1/files', describe.upload, async (context) => {
    const toAnthropic = speaksAnthropic(context);
    const file = await receiveFile(options, context, { needsPurpose: !toAnthropic });
    return context.json(toAnthropic ? messagesFileJson(file) : fileJson(file));
  });
  routes.get('/v1/files', describe.list, (context) => {
    const toAnthropic = speaksAnthropic(context);
    const own = options.files.list(ownerOf(context.env.incoming));
    const { files, hasMore } = readFilePage(own, context.req.query(), { isForAnthropic: toAnthropic });
    return context.json(toAnthropic ? messagesFilePageJson(files, hasMore) : filePageJson(files, hasMore));
  });
  routes.get('/v1/files/:id', describe.read, (context) => {
    const file = fileOf(options, context);
    return context.json(speaksAnthropic(context) ? messagesFileJson(file) : fileJson(file));
  });
  routes.get('/v1/files/:id/content', describe.content, (context) => contentOf(fileOf(options, context)));
  routes.delete('/v1/files/:id', describe.remove, (context) => {
    const file = fileOf(options, context);
    options.files.remove(file);
    return context.json(speaksAnthropic(context) ? messagesDeletedFileJson(file.id) : deletedFileJson(file.id));
  });
  return routes;
}

function descriptions(alsoForAnthropic: boolean) {
  const forBoth = (one: z.ZodType, other: z.ZodType) => (alsoForAnthropic ? z.union([one, other]) : one);
  const errors = { ...openaiErrors, schema: forBoth(openaiErrors.schema, messagesErrors.schema) };
  const traits = (parameters: NonNullable<RouteTraits['parameters']>): RouteTraits => ({
    errors,
    parameters: alsoForAnthropic ? [...parameters, VERSION] : parameters,
  });
  const one = forBoth(fileSchema, messagesFileSchema);
  return {
    upload: describeUpload('Upload a file', uploadFormSchema, one, traits([])),
    list: describeRead('List the uploaded files', forBoth(filePageSchema, messagesFilePageSchema), traits(PAGE)),
    read: describeRead('Describe an uploaded file', one, traits([ID])),
    content: describeDownload('Download an uploaded file', traits([ID])),
    remove: describeRead(
      'Delete an uploaded file',
      forBoth(deletedFileSchema, messagesDeletedFileSchema),
      traits([ID]),
    ),
  };
}

function fileOf({ files }: RouteOptions, { env, req }: RouteContext): StoredFile {
  return storedFile(files, env.incoming, req.param('id') ?? '', 'id');
}

async function receiveFile(
  options: RouteOptions,
  context: RouteContext,
  { needsPurpose }: { readonly needsPurpose: boolean },
): Promise<StoredFile> {
  const { files, requests, cpus, settings } = options;
  if (settings.maxStoredFiles === 0) throw noFiles();
  const { incoming } = context.env;
  const active = requests.begin(incoming.socket);
  let release: (() => void) | undefined;
  try {
    const reader = new UploadReader(incoming.headers['content-type'], files.maxBytes);
    const receiving = { ...bodyLimits(options), cpus, signal: active.signal };
    const body = await inStep(context.get('trace'), 'read body', () => receiveBody(incoming, receiving, reader));
    ({ release } = body);
    const { fields, ...file } = body.value;
    const allowExtraFields = settings.allowExtraRequestFields;
    return files.add({
      ...file,
      ...readUploadFields(fields, { allowExtraFields, needsPurpose }),
      owner: ownerOf(incoming),
    });
  } finally {
    release?.();
    active.end();
  }
}

function noFiles(): VserveError {
  const message = 'This server stores no files (--max-stored-files 0). Send them in the request, as data URIs.';
  return new VserveError('unsupported_capability', message);
}

/** The bytes as they came. Never a page of this server, whatever they are: browsers are to save them. */
function contentOf({ name, bytes, stored }: StoredFile): Response {
  return new Response(pieceStream(stored.values()), {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(bytes),
      'content-disposition': `attachment; filename*=UTF-8''${headerName(name)}`,
      'x-content-type-options': 'nosniff',
    },
  });
}

/** A name as RFC 8187 has it in headers. */
function headerName(name: string): string {
  return encodeURIComponent(name).replaceAll(/['()*]/g, inHexadecimal);
}

function inHexadecimal(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
