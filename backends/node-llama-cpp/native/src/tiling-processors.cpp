#include "tiling-processors.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "image-drawing.h"

namespace vserve {

namespace {

// Settings of the models on the Hub, for projectors whose GGUF does not say otherwise.
constexpr int llama4_max_tiles = 16;
constexpr int lfm2_min_tokens = 64;
constexpr int lfm2_max_tokens = 256;
constexpr int lfm2_tile = 512;
constexpr int lfm2_min_tiles = 2;
constexpr int lfm2_max_tiles = 10;
constexpr double lfm2_tolerance = 2;
constexpr int minicpm_v_max_tiles = 9;
// The longest side in tiles, for older GGUF files that do not state it.
constexpr int idefics3_tiles = 4;
// In tiles; models have up to ten.
constexpr int llava_next_longest_grid = 64;

std::vector<ImageSize> resolutions_of(const clip_hparams & model) {
    std::vector<ImageSize> sizes;
    for (const auto & [width, height] : model.image_res_candidates) {
        sizes.push_back({width, height});
    }
    return sizes;
}

// Stacks the tiles of a row vertically: the encoder adds a line break after each of their rows.
clip_image_u8 row_of_tiles(const clip_image_u8 & image, int row, int columns, int tile) {
    clip_image_u8 stack = black({tile, tile * columns}, image.is_placeholder());
    for (int column = 0; column < columns; column++) {
        paste(cut(image, column * tile, row * tile, {tile, tile}), stack, 0, column * tile);
    }
    return stack;
}

// Rounds to the nearest bfloat16, ties to even.
float in_bfloat16(float value) {
    return ggml_bf16_to_fp32(ggml_fp32_to_bf16(value));
}

// Llama 4's processor rescales and normalizes in bfloat16.
void normalize_in_bfloat16(const clip_hparams & model, clip_image_f32 & image) {
    if (image.is_placeholder()) {
        return;
    }
    std::vector<float> pixels = image.get_ro_buf();
    for (size_t i = 0; i < pixels.size(); i++) {
        const float mean = in_bfloat16(model.image_mean[i % 3]);
        const float deviation = in_bfloat16(model.image_std[i % 3]);
        pixels[i] = in_bfloat16(in_bfloat16(in_bfloat16(pixels[i]) - mean) / deviation);
    }
    image.cpy_buf(pixels);
}

}  // namespace

Prepare idefics3(const clip_hparams & model, const ProcessorSettings & settings) {
    const int longest = or_else(settings.longest_edge, model.image_longest_edge > 0 ? model.image_longest_edge
                                                                                     : idefics3_tiles * model.image_size);
    const bool is_tiled = settings.max_tiles != 1;
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_LANCZOS);
    return [=, &model, resizes = settings.resizes](const clip_image_u8 & image) {
        const int side = model.image_size;
        // Without it, only the first of the two or three times that an image is resized falls away.
        const ImageSize scaled = resizes ? scale_to_longest(size_of(image), longest) : size_of(image);
        const TileGrid grid = is_tiled ? tiles_that_cover(scaled, side) : TileGrid{1, 1};
        const auto resized = stretched(image, scaled, filter);
        const auto refined = stretched(resized, {grid.columns * side, grid.rows * side}, filter);
        if (grid.columns == 1 && grid.rows == 1) {
            return overview_only(model, refined);
        }
        return tiled(model, refined, grid, stretched(refined, {side, side}, filter));
    };
}

Prepare internvl(const clip_hparams & model, const ProcessorSettings & settings) {
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BICUBIC);
    return [&model, filter, settings](const clip_image_u8 & image) {
        const int side = model.image_size;
        const int min_tiles = or_else(settings.min_tiles, model.preproc_min_tiles);
        const int max_tiles = or_else(settings.max_tiles, model.preproc_max_tiles);
        if (max_tiles <= 1) {
            return overview_only(model, squared(image, side, filter, settings.resizes));
        }
        const TileGrid grid = closest_grid(size_of(image), side, std::min(min_tiles, max_tiles), max_tiles);
        const auto overview = stretched(image, {side, side}, filter);
        if (grid.columns == 1 && grid.rows == 1) {
            return overview_only(model, overview);
        }
        const auto refined = stretched(image, {grid.columns * side, grid.rows * side}, filter);
        return settings.has_thumbnail ? tiled(model, refined, grid, overview) : tiles_of(model, refined, grid);
    };
}

Prepare lfm2_vl(const clip_hparams & model, const ProcessorSettings & settings) {
    const int factor = model.patch_size * model.n_merge;
    const double token_pixels = static_cast<double>(factor) * factor;
    const PixelBounds bounds = bounds_of(settings, {lfm2_min_tokens * token_pixels, lfm2_max_tokens * token_pixels});
    const double tolerance = settings.tile_tolerance > 0 ? settings.tile_tolerance : lfm2_tolerance;
    const int tile = or_else(settings.tile_size, lfm2_tile);
    const int max_tiles = or_else(settings.max_tiles, lfm2_max_tiles);
    const int min_tiles = or_else(settings.min_tiles, lfm2_min_tiles);
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BILINEAR);
    return [=, &model, has_thumbnail = settings.has_thumbnail](const clip_image_u8 & image) {
        const ImageSize size = size_of(image);
        const auto small =
            stretched(image, smart_resize_covering(size, factor, bounds.min, bounds.max), filter);
        if (max_tiles == 1 || !is_too_large(size, model.patch_size, factor, bounds.max * tolerance)) {
            return whole(model, small);
        }
        const TileGrid grid = closest_grid(size, tile, min_tiles, max_tiles);
        const auto refined = stretched(image, {grid.columns * tile, grid.rows * tile}, filter);
        if (grid.columns == 1 && grid.rows == 1) {
            return whole(model, refined);
        }
        return has_thumbnail ? tiled(model, refined, grid, small) : tiles_of(model, refined, grid);
    };
}

Prepare minicpm_v(const clip_hparams & model, const ProcessorSettings & settings) {
    const int max_tiles = or_else(settings.max_tiles, minicpm_v_max_tiles);
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BICUBIC);
    return [&model, max_tiles, filter](const clip_image_u8 & image) {
        const int side = model.image_size;
        const int factor = model.patch_size * model.n_merge;
        const TileGrid grid = grid_of_squares(size_of(image), side, max_tiles);
        const bool is_whole = grid.columns == 0;
        const auto overview =
            stretched(image, scale_to_square(size_of(image), side, factor, is_whole), filter);
        if (is_whole) {
            return overview_only(model, overview);
        }
        const ImageSize refined = scale_to_grid(size_of(image), grid, side, factor);
        return tiled(model, stretched(image, refined, filter), grid, overview);
    };
}

Prepare deepseek_ocr(const clip_hparams & model, bool in_rows) {
    return [&model, in_rows](const clip_image_u8 & image) {
        const int side = model.image_size;
        const int tile = model.preproc_tile_size;
        const ImageSize size = size_of(image);
        const ImageSize fitted = fit_on_square(size, side);
        clip_image_u8 overview = filled({side, side}, model.image_pad_color, image.is_placeholder());
        paste(stretched(image, fitted, RESIZE_ALGO_BICUBIC), overview, centred(fitted.width, side),
              centred(fitted.height, side));
        mtmd_image_preproc_out out;
        if (std::max(size.width, size.height) > tile) {
            const TileGrid grid = closest_grid(size, tile, model.preproc_min_tiles, model.preproc_max_tiles);
            const auto refined = stretched(image, {grid.columns * tile, grid.rows * tile}, RESIZE_ALGO_BICUBIC);
            if (in_rows) {
                for (int row = 0; row < grid.rows; row++) {
                    out.append(model, row_of_tiles(refined, row, grid.columns, tile));
                }
                out.grid_x = 1;
                out.grid_y = grid.rows;
            } else {
                out = tiled(model, refined, grid, overview);
            }
        }
        out.append_overview(model, overview);
        out.overview.add_viewsep = true;
        return out;
    };
}

Prepare llama4(const clip_hparams & model, const ProcessorSettings & settings) {
    const int max_tiles = or_else(settings.max_tiles, llama4_max_tiles);
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BILINEAR);
    return [=, &model, fills_canvas = settings.fills_canvas](const clip_image_u8 & image) {
        const int side = model.image_size;
        const TileGrid grid = best_fitting_grid(size_of(image), side, max_tiles, fills_canvas);
        const auto fitted = stretched(image, fit_on_grid(size_of(image), grid, side, fills_canvas), filter);
        const auto canvas = padded(fitted, {grid.columns * side, grid.rows * side});
        mtmd_image_preproc_out out;
        if (grid.columns == 1 && grid.rows == 1) {
            out.append_overview(model, canvas, false);
        } else {
            out = tiled(model, canvas, grid, stretched(image, {side, side}, filter), false);
        }
        for (auto & tile : out.entries) {
            normalize_in_bfloat16(model, tile);
        }
        normalize_in_bfloat16(model, out.overview);
        return out;
    };
}

Prepare llava_next(const clip_hparams & model, const ProcessorSettings & settings) {
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BICUBIC);
    return [&model, filter](const clip_image_u8 & image) {
        const int side = model.image_size;
        const ImageSize size = size_of(image);
        const ImageSize area = best_resolution(size, resolutions_of(model));
        const TileGrid grid{area.width / side, area.height / side};
        if (std::max(grid.columns, grid.rows) > llava_next_longest_grid) {
            throw std::invalid_argument("the projector asks for too many tiles");
        }
        const ImageSize scaled = fit_into(size, area);
        const bool is_placeholder = image.is_placeholder();
        clip_image_u8 large = black(area, is_placeholder);
        paste(stretched(image, scaled, filter), large, (area.width - scaled.width) / 2,
              (area.height - scaled.height) / 2);
        clip_image_u8 stack = black({side, side * (1 + grid.columns * grid.rows)}, is_placeholder);
        paste(stretched(image, {side, side}, filter), stack, 0, 0);
        for (int tile = 0; tile < grid.columns * grid.rows; tile++) {
            const int column = tile % grid.columns;
            const int row = tile / grid.columns;
            paste(cut(large, column * side, row * side, {side, side}), stack, 0, (1 + tile) * side);
        }
        mtmd_image_preproc_out out = whole(model, stack);
        out.entries.back().anyres = {grid.columns, grid.rows, size.width, size.height};
        return out;
    };
}

}  // namespace vserve
