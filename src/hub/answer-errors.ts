import { VserveError } from '../errors/index.ts';
import type { HubToken } from './hub-settings.ts';
import { retryAfterMs, TransientFailure } from './retry.ts';

/** The parts of a response, from the Hub or a host it redirected to, that an error needs. */
export interface FailedAnswer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** Whether the Hub's own origin responded: no other host is sent the token. */
  readonly isHub: boolean;
  readonly host: string;
}

/** The request, for messages. */
export interface Asked {
  readonly repository: string;
  readonly revision: string;
  readonly endpoint: string;
  readonly token: HubToken | undefined;
}

/**
 * The error for an unsuccessful response. The Hub names the reason in `X-Error-Code`; without a token it responds with
 * 401 rather than 404 for a repository that does not exist, to not reveal private ones.
 */
export function answerError(answer: FailedAnswer, asked: Asked): Error {
  const { status, isHub, host } = answer;
  const { repository, revision, endpoint, token } = asked;
  const reason = answer.header('x-error-code');
  const page = `${endpoint}/${repository}`;
  const isTransient = [408, 425, 429].includes(status) || status >= 500;
  if (!isHub || isTransient) {
    const limited = status === 429 ? ': too many requests' : '';
    const wait = retryAfterMs(answer.header('retry-after'));
    const until = wait > 0 ? ` It asks for a wait of ${Math.ceil(wait / 1000)} s.` : '';
    return new TransientFailure(`${host} responded with HTTP status ${status}${limited}.${until}`, {
      retryAfterMs: wait,
    });
  }
  if (reason === 'GatedRepo') return gated(page, repository, token);
  if (reason === 'RevisionNotFound') {
    return new VserveError(
      'revision_not_found',
      `${repository} has no revision ${JSON.stringify(revision)}. ${page}/tree/main lists its branches and tags.`,
      { param: 'huggingfaceModelRevision' },
    );
  }
  if (reason === 'RepoNotFound' || (status === 404 && reason === undefined))
    return unknownRepository(endpoint, repository, token);
  if (status === 401 && token !== undefined) {
    return new VserveError(
      'hub_access_denied',
      `${host} rejects the token from ${token.origin}: it is invalid or has expired. Create another at ${endpoint}/settings/tokens.`,
    );
  }
  if (status === 401) return unknownRepository(endpoint, repository, token);
  if (status === 403) {
    const who = token === undefined ? 'without a token' : `with the token from ${token.origin}`;
    return new VserveError('hub_access_denied', `${host} denies access to ${repository} ${who}. See ${page}.`);
  }
  return new VserveError('hub_invalid_answer', `${host} responded with HTTP status ${status} for ${repository}.`);
}

function gated(page: string, repository: string, token: HubToken | undefined): VserveError {
  const message =
    token === undefined
      ? `${repository} is gated, and no token is set. Accept its license at ${page}, then set HF_TOKEN to a token of that account.`
      : `${repository} is gated, and the account of the token from ${token.origin} has no access. Accept its license at ${page} with that account; a fine-grained token also needs permission to read gated repositories.`;
  return new VserveError('hub_access_denied', message, { param: 'model' });
}

function unknownRepository(endpoint: string, repository: string, token: HubToken | undefined): VserveError {
  const otherwise =
    token === undefined
      ? 'If it is private, set HF_TOKEN to a token with read access.'
      : `If it is private, the token from ${token.origin} has no read access.`;
  const message = `There is no model ${repository} at ${endpoint}. Check the id for typos. ${otherwise}`;
  return new VserveError('repository_not_found', message, { param: 'model' });
}
