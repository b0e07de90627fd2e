import { listFiles, modelInfo } from '@huggingface/hub';
import { z } from 'zod';
import { VserveError } from '../errors/index.ts';
import type { HubConnection } from './connection.ts';
import type { FileHash, RemoteFile } from './remote-file.ts';

const infoSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const bytes = z.int().min(0);
const entrySchema = z.object({
  type: z.string(),
  path: z.string().min(1),
  size: bytes,
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: bytes }).optional(),
});
/** More than any model has. */
const MAX_FILES = 100_000;
const MAX_PAGES = 1000;

/** The commit that a branch, tag or commit currently points to. Throws `hub_invalid_answer` and what requests throw. */
export async function resolveCommit(
  repository: string,
  revision: string,
  endpoint: string,
  { fetch }: HubConnection,
): Promise<string> {
  const info = await jsonOf(endpoint, () =>
    modelInfo({ name: repository, revision, hubUrl: endpoint, additionalFields: ['sha'], fetch }),
  );
  return parsed(infoSchema, info, endpoint).sha;
}

/** Every file of a repository at a commit. Throws `hub_invalid_answer` and what requests throw. */
export async function listRepository(
  repository: string,
  commit: string,
  endpoint: string,
  connection: HubConnection,
): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  let pages = 0;
  const fetch: HubConnection['fetch'] = (url) => {
    if (++pages <= MAX_PAGES) return connection.fetch(url);
    throw new VserveError('hub_invalid_answer', `${endpoint} lists the files of ${repository} endlessly.`);
  };
  const entries = listFiles({ repo: repository, revision: commit, recursive: true, hubUrl: endpoint, fetch });
  await jsonOf(endpoint, async () => {
    for await (const listed of entries) {
      const { type, path, size, oid, lfs } = parsed(entrySchema, listed, endpoint);
      if (type !== 'file') continue;
      if (files.length === MAX_FILES) {
        throw new VserveError('hub_invalid_answer', `${endpoint} lists more than ${MAX_FILES} files in ${repository}.`);
      }
      const hash: FileHash =
        lfs === undefined ? { algorithm: 'git', digest: oid } : { algorithm: 'sha256', digest: lfs.oid };
      files.push({ path, bytes: lfs?.size ?? size, hash });
    }
  });
  return files;
}

/** The library parses responses as JSON and passes the parser's error through. */
async function jsonOf<T>(endpoint: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    const message = `${endpoint} does not respond as the Hugging Face Hub does. Check HF_ENDPOINT and proxies.`;
    throw new VserveError('hub_invalid_answer', message, { cause });
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, endpoint: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
  const message = `${endpoint} does not respond as the Hugging Face Hub does${where}. Check HF_ENDPOINT and proxies.`;
  throw new VserveError('hub_invalid_answer', message, { cause: result.error });
}
