import { contradiction, invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { refuseUnknown, unsupported } from '../request/json-object.ts';
import type { FilePurpose } from './file-purposes.ts';
import { FILE_PURPOSES, OTHER_PURPOSES } from './file-purposes.ts';

/** What an upload says of its file. */
export interface UploadSettings {
  readonly purpose: FilePurpose;
  /** How long it is kept; undefined is as long as the server runs. */
  readonly lifetimeS: number | undefined;
}

const ANCHOR = 'expires_after[anchor]';
const SECONDS = 'expires_after[seconds]';
/** Anthropic's. */
const EXPIRES_IN = 'expires_in_seconds';
const KNOWN: readonly string[] = ['purpose', ANCHOR, SECONDS, EXPIRES_IN];

const MIN_LIFETIME_S = 3600;
const MAX_LIFETIME_S = { [SECONDS]: 30 * 86_400, [EXPIRES_IN]: 90 * 86_400 } as const;

/**
 * Reads the fields of the form of an upload. Without `needsPurpose`, it may have none. Throws `invalid_request`,
 * `unsupported_parameter`.
 */
export function readUploadFields(
  fields: ReadonlyMap<string, string>,
  { needsPurpose, ...options }: Pick<ReadOptions, 'allowExtraFields'> & { readonly needsPurpose: boolean },
): UploadSettings {
  for (const [name, value] of fields) if (!KNOWN.includes(name)) refuseUnknown(name, name, value, options);
  return { purpose: readPurpose(fields.get('purpose'), needsPurpose), lifetimeS: readLifetime(fields) };
}

function readPurpose(purpose: string | undefined, isNeeded: boolean): FilePurpose {
  if (purpose === undefined && !isNeeded) return 'user_data';
  const known = FILE_PURPOSES.find((name) => name === purpose);
  if (known !== undefined) return known;
  const expected = `one of ${FILE_PURPOSES.join(', ')}`;
  if (purpose !== undefined && OTHER_PURPOSES.includes(purpose)) {
    throw unsupported('purpose', purpose, `It must be ${expected}.`);
  }
  throw invalid('purpose', `purpose must be ${expected}, not ${show(purpose)}.`);
}

function readLifetime(fields: ReadonlyMap<string, string>): number | undefined {
  const anchor = fields.get(ANCHOR);
  if (anchor !== undefined && anchor !== 'created_at') {
    throw invalid(ANCHOR, `${ANCHOR} must be created_at, not ${show(anchor)}.`);
  }
  if (fields.has(SECONDS) && fields.has(EXPIRES_IN)) throw contradiction(SECONDS, EXPIRES_IN);
  if (anchor !== undefined && !fields.has(SECONDS)) throw invalid(SECONDS, `${SECONDS} is missing.`);
  const name = fields.has(EXPIRES_IN) ? EXPIRES_IN : SECONDS;
  const text = fields.get(name);
  if (text === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  const max = MAX_LIFETIME_S[name];
  if (seconds >= MIN_LIFETIME_S && seconds <= max) return seconds;
  throw invalid(
    name,
    `${name} must be an integer from ${String(MIN_LIFETIME_S)} to ${String(max)}, not ${show(text)}.`,
  );
}
