import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { blockCount, parseConfig } from '../checkpoint/parse-config.ts';
import { readDecoderConfig } from './decoder-config.ts';

/** A projector of Granite 4 Vision: it takes what leaves a layer of the encoder to a layer of the text model. */
export interface Projector {
  readonly kind: 'layerwise' | 'spatial';
  /** Its number among those of its kind; of a spatial one, which of four neighbouring patches it looks at. */
  readonly index: number;
  readonly visionLayer: number;
  readonly textLayer: number;
}

const layer = z.int().min(-4096).max(4096);
/** llama.cpp counts layers from the end as transformers does, and those from the beginning otherwise. */
const lastLayer = layer.max(-1, { error: 'only layers counted from the end are supported' });

const mapSchema = z.looseObject({
  deepstack_layer_map: z.array(z.tuple([lastLayer, layer])).max(4096),
  spatial_target_layers: z.array(layer).length(4),
  spatial_vision_layer: lastLayer.default(-1),
  vision_config: z.looseObject({ num_hidden_layers: blockCount }),
});
const textSchema = z.looseObject({ num_hidden_layers: blockCount });

/**
 * The projectors of a configuration, by the text model's layers. The first takes the place of the embeddings.
 *
 * Throws `checkpoint_invalid`.
 */
export function readProjectors(config: JsonObject): Projector[] {
  const map = parseConfig(mapSchema, config, 'config.json');
  const { num_hidden_layers: textLayers } = readDecoderConfig(textSchema, config);
  const visionLayers = map.vision_config.num_hidden_layers;
  const textLayer = (number: number): number => (number < 0 ? textLayers + number : number);
  const layerwise = map.deepstack_layer_map.map(([vision, text], index) => ({
    kind: 'layerwise' as const,
    index,
    visionLayer: visionLayers + vision,
    textLayer: textLayer(text),
  }));
  const spatial = map.spatial_target_layers.map((text, index) => ({
    kind: 'spatial' as const,
    index,
    visionLayer: visionLayers + map.spatial_vision_layer,
    textLayer: textLayer(text),
  }));
  const projectors = [...layerwise, ...spatial].sort((a, b) => a.textLayer - b.textLayer);
  const isAscending = layerwise.every(({ visionLayer }, i) => visionLayer > (layerwise[i - 1]?.visionLayer ?? -1));
  const areDistinct = projectors.every(({ textLayer: to }, i) => to > (projectors[i - 1]?.textLayer ?? -1));
  const exist = projectors.every(({ visionLayer, textLayer: to }) => visionLayer >= 0 && to < textLayers);
  if (isAscending && areDistinct && exist && projectors[0]?.textLayer === 0) return projectors;
  const message =
    'config.json cannot be converted. deepstack_layer_map, spatial_target_layers: they must begin at layer 0 of the text model, name none twice or that does not exist, and the encoder’s in ascending order.';
  throw new VserveError('checkpoint_invalid', message);
}
