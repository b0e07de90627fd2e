import type { ParsedRequest } from '../api/index.ts';
import { requireCapabilities } from '../api/index.ts';
import { requireRoom } from './open-media.ts';
import type { GenerationRouteOptions } from './route-options.ts';
import { unknownModel } from './routes/models.ts';

/** Throws `model_not_found` for a name that is none of the model's. */
export function checkModel(
  name: string | undefined,
  { names, servedModelName, adapters }: Pick<GenerationRouteOptions, 'names' | 'servedModelName' | 'adapters'>,
): void {
  if (name === undefined || name === '' || names.includes(name)) return;
  throw unknownModel(name, servedModelName, adapters?.names);
}

/** Rejects what can be rejected before any image is fetched. */
export function checkRequest(request: ParsedRequest, options: GenerationRouteOptions): void {
  checkModel(request.model, options);
  requireCapabilities(request, options.model.info);
  requireRoom(request, options.settings.maxImagesPerRequest);
}
