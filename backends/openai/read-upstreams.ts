import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { fileFault, systemErrorCode, VserveError } from '../../src/errors/index.ts';
import type { LoadSettings } from '../../src/backend/index.ts';
import { dialects } from './dialect.ts';
import { declaredCapabilities } from './upstream-config.ts';
import type { UpstreamConfig } from './upstream-config.ts';

const text = z.string().min(1);

const entrySchema = z.strictObject({
  url: text,
  key: text.optional(),
  key_file: text.optional(),
  weight: z.number().positive().default(1),
  capacity: z.number().int().positive().optional(),
  /** Names, or the upstream's name by the one that it is served by. */
  models: z.union([z.array(text).min(1), z.record(text, text)]).optional(),
  dialect: z.enum(dialects).optional(),
  capabilities: z.partialRecord(z.enum(declaredCapabilities), z.boolean()).default({}),
});

const fileSchema = z.strictObject({ upstreams: z.array(entrySchema) });

type Entry = z.infer<typeof entrySchema>;

type Sources = Pick<LoadSettings, 'upstreams' | 'upstreamsFile' | 'upstreamApiKey'>;

/** The upstreams of the flags and of the file. Throws `invalid_setting`. */
export async function readUpstreams({ upstreams, upstreamsFile, upstreamApiKey }: Sources): Promise<UpstreamConfig[]> {
  const given = upstreams.map((url) => entrySchema.parse({ url }));
  const listed = upstreamsFile === undefined ? [] : await readEntries(upstreamsFile);
  const configs = await Promise.all(
    [...given, ...listed].map((entry) => configOf(entry, upstreamsFile ?? '', upstreamApiKey)),
  );
  if (configs.length === 0) {
    const message =
      'No upstream is given. Name one: vserve serve --backend openai --upstream http://10.0.0.7:8000, or list them in --upstreams-file.';
    throw new VserveError('invalid_setting', message, { param: 'upstreams' });
  }
  const twice = configs.find(({ url }, index) => configs.findIndex((other) => other.url === url) !== index);
  if (twice !== undefined)
    throw invalid(`The upstream ${twice.url} is given twice. Give it once, with a greater weight.`);
  return configs;
}

async function readEntries(path: string): Promise<Entry[]> {
  let content: unknown;
  try {
    content = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT')
      throw invalid(`The upstreams file ${path} does not exist. Check --upstreams-file.`, cause);
    throw invalid(`The upstreams file ${path} cannot be read: ${fileFault(cause)}`, cause);
  }
  const read = fileSchema.safeParse(Array.isArray(content) ? { upstreams: content } : content);
  if (read.success) return read.data.upstreams;
  const [issue] = read.error.issues;
  const place = issue?.path.map(String).join('.') ?? '';
  throw invalid(
    `The upstreams file ${path} is wrong at ${place === '' ? 'its beginning' : place}: ${issue?.message ?? ''}`,
  );
}

async function configOf(entry: Entry, file: string, commonKey: string | undefined): Promise<UpstreamConfig> {
  const { weight, capacity, models, dialect } = entry;
  return {
    url: addressOf(entry.url),
    key: await keyOf(entry, file, commonKey),
    weight,
    capacity,
    models: models && new Map(Array.isArray(models) ? models.map((name) => [name, name]) : Object.entries(models)),
    dialect,
    capabilities: entry.capabilities,
  };
}

/** A key's file lies beside the upstreams file, unless its path is absolute. */
async function keyOf(
  { url, key, key_file: keyFile }: Entry,
  file: string,
  commonKey: string | undefined,
): Promise<string | undefined> {
  if (keyFile === undefined) return key ?? commonKey;
  if (key !== undefined) throw invalid(`The upstream ${url} has both key and key_file. Give one of them.`);
  try {
    return (await readFile(resolve(dirname(file), keyFile), 'utf8')).trim();
  } catch (cause) {
    throw invalid(`The key_file of the upstream ${url} cannot be read: ${fileFault(cause)}`, cause);
  }
}

/** The address as we keep it. Throws `invalid_setting`. */
function addressOf(given: string): string {
  if (given.startsWith('unix:')) return given;
  const url = given.includes('://') ? given : `http://${given}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw invalid(`The upstream ${JSON.stringify(given)} is no http or https address, host:port, or unix:PATH.`);
  }
  const { origin, pathname, username, password } = new URL(url);
  if (username !== '' || password !== '') {
    throw invalid(`The upstream ${origin} has a user name or password in its address. Give it a key instead.`);
  }
  return origin + pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
}

function invalid(message: string, cause?: unknown): VserveError {
  return new VserveError('invalid_setting', message, { param: 'upstreams', ...(cause === undefined ? {} : { cause }) });
}
