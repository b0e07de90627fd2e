#include "image-preparation.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "image-drawing.h"

namespace vserve {

namespace {

[[noreturn]] void refuse_to_resize(const std::string & sides) {
    throw std::invalid_argument("the model's image processor is set up not to resize images, and takes " + sides);
}

// For processors that do not resize. Throws std::invalid_argument.
void expect_size(const clip_image_u8 & image, ImageSize size) {
    if (size_of(image).width != size.width || size_of(image).height != size.height) {
        refuse_to_resize(std::to_string(size.width) + "x" + std::to_string(size.height) + " pixels only");
    }
}

}  // namespace

int or_else(uint32_t setting, int usual) {
    return setting > 0 ? static_cast<int>(setting) : usual;
}

resize_algo filter_of(const ProcessorSettings & settings, resize_algo usual) {
    switch (settings.filter) {
        case 1:
            return RESIZE_ALGO_LANCZOS;
        case 2:
            return RESIZE_ALGO_BILINEAR;
        case 3:
            return RESIZE_ALGO_BICUBIC;
        default:
            return usual;
    }
}

PixelBounds bounds_of(const ProcessorSettings & settings, PixelBounds usual) {
    const PixelBounds bounds{settings.min_pixels > 0 ? settings.min_pixels : usual.min,
                             settings.max_pixels > 0 ? settings.max_pixels : usual.max};
    return {std::min(bounds.min, bounds.max), bounds.max};
}

int tokens_of(uint32_t pixels, int side, int usual) {
    return pixels > 0 ? std::max(1, static_cast<int>(pixels / (static_cast<int64_t>(side) * side))) : usual;
}

void expect_multiples(const clip_image_u8 & image, int factor, double max_tokens) {
    const auto [width, height] = size_of(image);
    if (width % factor != 0 || height % factor != 0) {
        refuse_to_resize("only sides that are multiples of " + std::to_string(factor) + " pixels");
    }
    if (static_cast<double>(width / factor) * (height / factor) > max_tokens) {
        refuse_to_resize("no image of more than " + std::to_string(static_cast<int>(max_tokens)) + " tokens, each of " +
                         std::to_string(factor) + "x" + std::to_string(factor) + " pixels");
    }
}

clip_image_u8 squared(const clip_image_u8 & image, int side, resize_algo filter, bool resizes) {
    if (resizes) {
        return stretched(image, {side, side}, filter);
    }
    expect_size(image, {side, side});
    return image;
}

mtmd_image_preproc_out whole(const clip_hparams & model, const clip_image_u8 & image) {
    mtmd_image_preproc_out out;
    out.append(model, image);
    return out;
}

mtmd_image_preproc_out tiles_of(const clip_hparams & model, const clip_image_u8 & image, TileGrid grid,
                                bool normalized) {
    const ImageSize tile{size_of(image).width / grid.columns, size_of(image).height / grid.rows};
    mtmd_image_preproc_out out;
    for (int row = 0; row < grid.rows; row++) {
        for (int column = 0; column < grid.columns; column++) {
            out.append(model, cut(image, column * tile.width, row * tile.height, tile), normalized);
        }
    }
    out.grid_x = grid.columns;
    out.grid_y = grid.rows;
    return out;
}

mtmd_image_preproc_out tiled(const clip_hparams & model, const clip_image_u8 & image, TileGrid grid,
                             const clip_image_u8 & overview, bool normalized) {
    mtmd_image_preproc_out out = tiles_of(model, image, grid, normalized);
    out.append_overview(model, overview, normalized);
    return out;
}

mtmd_image_preproc_out overview_only(const clip_hparams & model, const clip_image_u8 & image) {
    mtmd_image_preproc_out out;
    out.append_overview(model, image);
    return out;
}

}  // namespace vserve
