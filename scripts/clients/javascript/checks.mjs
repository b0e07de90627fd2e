/** What run.mjs tells a client: where the server is, and what to ask about. */
export const {
  /** Of the API, with its /v1. */
  url,
  model,
  /** A data URI. */
  picture,
  /** Of the same picture, where the server may fetch it; else undefined. */
  pictureUrl,
  /** Of this client alone. */
  folder,
  /** Where the client is installed. */
  environment,
} = JSON.parse(process.env.CLIENT_SETTINGS);

/** Of the server, without the /v1 that some clients add themselves. */
export const origin = url.replace(/\/v1\/?$/, '');

class Skipped extends Error {}

/** Runs named checks one after the other, prints a line for each, and ends with 1 if one has failed. */
export async function run(checks) {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok      ${name}`);
    } catch (error) {
      const outcome = error instanceof Skipped ? 'skipped' : 'failed ';
      if (outcome !== 'skipped') process.exitCode = 1;
      console.log(`${outcome} ${name}: ${String(error?.message ?? error).split('\n')[0]}`);
    }
  }
}

export function require(condition, message) {
  if (!condition) throw new Error(message);
}

/** The picture's URL; skips the check where the server cannot fetch it. */
export function fetchedPicture() {
  if (pictureUrl === undefined) throw new Skipped('the server may not fetch from this machine');
  return pictureUrl;
}

/** What a promise is rejected with. */
export async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('not refused');
}
