import { Hono } from 'hono';
import {
  LOAD_ADAPTER_SCHEMAS,
  parseLoadAdapterRequest,
  parseUnloadAdapterRequest,
  UNLOAD_ADAPTER_SCHEMAS,
} from '../../api/adapters/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { ApiKeys } from '../api-keys.ts';
import { bodyRoute } from '../body-route.ts';
import { describeFormat, describeRefusal } from '../openapi/describe.ts';
import { managersOnly } from '../require-key.ts';
import type { RouteOptions } from '../route-options.ts';

const LOAD = '/v1/load_lora_adapter';
const UNLOAD = '/v1/unload_lora_adapter';

/**
 * `POST /v1/load_lora_adapter` and `POST /v1/unload_lora_adapter`: MAX's and vLLM's, off unless --enable-lora is given, and for
 * keys that may.
 */
export function adapterRoutes(options: RouteOptions, keys: ApiKeys): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  const adapters = options.models.only?.adapters;
  if (adapters?.mayChange !== true) {
    const refusal = `This server loads and unloads no LoRA adapters while it runs: ${whatHelps(options)}`;
    for (const path of [LOAD, UNLOAD]) {
      routes.post(path, describeRefusal('Change the LoRA adapters: not without --enable-lora'), () => {
        throw new VserveError('unsupported_capability', refusal);
      });
    }
    return routes;
  }
  routes.post(
    LOAD,
    describeFormat(LOAD_ADAPTER_SCHEMAS),
    managersOnly(keys),
    bodyRoute(options, async ({ body, read, signal }) => {
      const { name, path } = parseLoadAdapterRequest(body, read);
      await adapters.load(name, path, signal);
      options.log('info', `The LoRA adapter ${JSON.stringify(name)} was loaded from ${path}.`);
      return { status: 'success', message: `LoRA adapter '${name}' added successfully.` };
    }),
  );
  routes.post(
    UNLOAD,
    describeFormat(UNLOAD_ADAPTER_SCHEMAS),
    managersOnly(keys),
    bodyRoute(options, ({ body, read }) => {
      const name = parseUnloadAdapterRequest(body, read);
      adapters.unload(name);
      options.log('info', `The LoRA adapter ${JSON.stringify(name)} was unloaded.`);
      return { status: 'success', message: `LoRA adapter '${name}' removed successfully.` };
    }),
  );
  return routes;
}

function whatHelps({ models }: RouteOptions): string {
  if (!models.isManaged) return 'start it with --enable-lora.';
  return 'its models come and go, and bring those that lora_paths names in the --models-file.';
}
