import type { ErrorCode } from '../errors/index.ts';

/** Why images are refused. The names are those of max serve. */
export const mediaRejections = [
  'dns_failure',
  'fetch_status',
  'fetch_timeout',
  'fetch_transport',
  'too_many_redirects',
  'bad_redirect',
  'ssrf_blocked',
  'bad_scheme',
  'malformed_url',
  'no_host',
  'bad_file_uri',
  'over_budget',
  'decode_too_large',
  'too_many_images',
  'undecodable',
  'bad_data_uri',
] as const satisfies readonly ErrorCode[];

export type MediaRejection = (typeof mediaRejections)[number];
