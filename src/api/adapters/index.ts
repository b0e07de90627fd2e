export { parseLoadAdapterRequest, parseUnloadAdapterRequest } from './adapter-request.ts';
export type { LoadAdapterRequest } from './adapter-request.ts';
export { LOAD_ADAPTER_SCHEMAS, UNLOAD_ADAPTER_SCHEMAS } from './schemas.ts';
