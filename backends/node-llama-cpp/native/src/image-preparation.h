#pragma once

#include <cstdint>
#include <functional>

#include "clip.h"
#include "image-sizes.h"
#include "mtmd-image.h"
#include "processor-settings.h"

namespace vserve {

// What the processors of the families have in common.

// How a processor turns an image into the encoder's input.
using Prepare = std::function<mtmd_image_preproc_out(const clip_image_u8 &)>;

struct PixelBounds {
    double min;
    double max;
};

// What is set, or else what the family's models have.
int or_else(uint32_t setting, int usual);
resize_algo filter_of(const ProcessorSettings & settings, resize_algo usual);
PixelBounds bounds_of(const ProcessorSettings & settings, PixelBounds usual);

// How many squares of `side` fit in an area; `usual` if none is set.
int tokens_of(uint32_t pixels, int side, int usual);

// For processors that do not resize. Throws std::invalid_argument.
void expect_multiples(const clip_image_u8 & image, int factor, double max_tokens);

// A square of the size that the encoder takes. Throws std::invalid_argument for another size, unless it `resizes`.
clip_image_u8 squared(const clip_image_u8 & image, int side, resize_algo filter, bool resizes);

mtmd_image_preproc_out whole(const clip_hparams & model, const clip_image_u8 & image);

// Cuts an image whose sides are multiples of a tile into tiles.
mtmd_image_preproc_out tiles_of(const clip_hparams & model, const clip_image_u8 & image, TileGrid grid,
                                bool normalized = true);

// Tiles, and an overview after them.
mtmd_image_preproc_out tiled(const clip_hparams & model, const clip_image_u8 & image, TileGrid grid,
                             const clip_image_u8 & overview, bool normalized = true);

// mtmd also writes an overview's marks for an image without tiles.
mtmd_image_preproc_out overview_only(const clip_hparams & model, const clip_image_u8 & image);

}  // namespace vserve
