/** How an error appears outside: HTTP status and OpenAI error type of a response, exit code of a command. */
export interface ErrorPresentation {
  readonly status:
    400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 422 | 429 | 431 | 499 | 500 | 501 | 502 | 503 | 504;
  readonly type:
    | 'invalid_request_error'
    | 'exceed_context_size_error'
    | 'authentication_error'
    | 'permission_error'
    | 'not_found_error'
    | 'conflict_error'
    | 'rate_limit_error'
    | 'api_error';
  readonly exitCode: number;
}

const badRequest = { status: 400, type: 'invalid_request_error', exitCode: 2 } as const;
const notFound = { status: 404, type: 'not_found_error', exitCode: 2 } as const;
const forbidden = { status: 403, type: 'permission_error', exitCode: 2 } as const;
const failed = { status: 500, type: 'api_error', exitCode: 1 } as const;

/**
 * Every error code of the project. Exit codes: 2 for what the user can correct in the command or the request, 1 for
 * everything else. Codes are part of the interface: never rename one.
 */
export const errorCodes = {
  // Requests
  invalid_request: badRequest,
  invalid_json: badRequest,
  unsupported_parameter: badRequest,
  unsupported_capability: badRequest,
  // The type is llama-server's; OpenAI's clients go by the code.
  context_length_exceeded: { ...badRequest, type: 'exceed_context_size_error' },
  chat_template_failed: badRequest,
  request_crashes: { status: 422, type: 'invalid_request_error', exitCode: 1 },
  model_not_found: notFound,
  route_not_found: notFound,
  response_not_found: notFound,
  file_not_found: notFound,
  previous_response_not_found: badRequest,
  method_not_allowed: { status: 405, type: 'invalid_request_error', exitCode: 2 },
  invalid_api_key: { status: 401, type: 'authentication_error', exitCode: 2 },
  not_permitted: forbidden,
  origin_not_allowed: forbidden,
  host_not_allowed: forbidden,
  request_timeout: { status: 408, type: 'invalid_request_error', exitCode: 1 },
  headers_too_large: { status: 431, type: 'invalid_request_error', exitCode: 2 },
  unsupported_encoding: { status: 415, type: 'invalid_request_error', exitCode: 2 },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', exitCode: 2 },
  request_too_large: { status: 413, type: 'invalid_request_error', exitCode: 2 },
  at_capacity: { status: 429, type: 'rate_limit_error', exitCode: 1 },
  request_cancelled: { status: 499, type: 'api_error', exitCode: 1 },
  model_loading: { status: 503, type: 'api_error', exitCode: 1 },
  shutting_down: { status: 503, type: 'api_error', exitCode: 1 },
  internal_error: failed,
  // Images. The names are those of max serve's media rejections.
  dns_failure: badRequest,
  fetch_status: badRequest,
  fetch_timeout: badRequest,
  fetch_transport: badRequest,
  too_many_redirects: badRequest,
  bad_redirect: badRequest,
  ssrf_blocked: badRequest,
  bad_scheme: badRequest,
  malformed_url: badRequest,
  no_host: badRequest,
  bad_file_uri: badRequest,
  over_budget: badRequest,
  decode_too_large: badRequest,
  too_many_images: badRequest,
  undecodable: badRequest,
  bad_data_uri: badRequest,
  // Settings and the command line
  invalid_setting: { ...failed, exitCode: 2 },
  port_in_use: { ...failed, exitCode: 2 },
  address_unavailable: { ...failed, exitCode: 2 },
  server_unreachable: failed,
  // Models on disk
  model_unavailable: { ...failed, exitCode: 2 },
  checkpoint_invalid: { ...failed, exitCode: 2 },
  safetensors_invalid: { ...failed, exitCode: 2 },
  shard_missing: { ...failed, exitCode: 2 },
  architecture_unsupported: { ...failed, exitCode: 2 },
  tokenizer_unsupported: { ...failed, exitCode: 2 },
  tensor_unclaimed: { ...failed, exitCode: 2 },
  tensor_missing: { ...failed, exitCode: 2 },
  tensor_invalid: { ...failed, exitCode: 2 },
  gguf_invalid: { ...failed, exitCode: 2 },
  converter_unavailable: { ...failed, exitCode: 2 },
  conversion_failed: failed,
  disk_full: { ...failed, exitCode: 1 },
  quantization_failed: failed,
  model_damaged: failed,
  model_in_use: { ...failed, exitCode: 2 },
  // The Hugging Face Hub
  repository_not_found: { ...failed, exitCode: 2 },
  revision_not_found: { ...failed, exitCode: 2 },
  hub_access_denied: { ...failed, exitCode: 2 },
  hub_unreachable: failed,
  hub_invalid_answer: failed,
  download_corrupt: failed,
  // Backends
  backend_not_found: { ...failed, exitCode: 2 },
  backend_incompatible: { ...failed, exitCode: 2 },
  native_addon_missing: { ...failed, exitCode: 1 },
  native_addon_mismatch: { ...failed, exitCode: 1 },
  device_unavailable: { ...failed, exitCode: 2 },
  model_load_failed: failed,
  out_of_memory: failed,
  generation_failed: failed,
  upstream_failed: { status: 502, type: 'api_error', exitCode: 1 },
  upstream_timeout: { status: 504, type: 'api_error', exitCode: 1 },
  upstream_unavailable: { status: 503, type: 'api_error', exitCode: 1 },
  model_closed: { status: 503, type: 'api_error', exitCode: 1 },
} as const satisfies Record<string, ErrorPresentation>;

export type ErrorCode = keyof typeof errorCodes;

export function presentationOf(code: ErrorCode): ErrorPresentation {
  return errorCodes[code];
}
