#include "image-processor.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <utility>

#include "clip.h"
#include "image-crops.h"
#include "image-scope.h"
#include "image-sizes.h"
#include "mtmd-image.h"

namespace vserve {

namespace {

// Settings of the models on the Hub, for projectors whose GGUF does not say otherwise.
struct PixelBounds {
    double min;
    double max;
};
constexpr PixelBounds qwen2_vl_bounds{56 * 56, 28 * 28 * 16384};
constexpr PixelBounds qwen3_vl_bounds{256 * 256, 4096 * 4096};
// GLM-V counts the pixels of two frames; an image is two identical ones.
constexpr PixelBounds glm4v_bounds{112 * 112 / 2, 14 * 14 * 4 * 2 * 6144 / 2};
constexpr int gemma4_max_tokens = 280;
constexpr int kimi_vl_max_patches = 4096;
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

// How many squares of `side` fit in an area; `usual` if none is set.
int tokens_of(uint32_t pixels, int side, int usual) {
    return pixels > 0 ? std::max(1, static_cast<int>(pixels / (static_cast<int64_t>(side) * side))) : usual;
}

ImageSize size_of(const clip_image_u8 & image) {
    return {image.get_size().width, image.get_size().height};
}

clip_image_u8 stretched(const clip_image_u8 & image, ImageSize size, resize_algo filter) {
    clip_image_u8 result;
    mtmd_image_stretch(image, result, {size.width, size.height}, filter);
    return result;
}

[[noreturn]] void refuse_to_resize(const std::string & sides) {
    throw std::invalid_argument("the model's image processor is set up not to resize images, and takes " + sides);
}

// For processors that do not resize. Throws std::invalid_argument.
void expect_size(const clip_image_u8 & image, ImageSize size) {
    if (size_of(image).width != size.width || size_of(image).height != size.height) {
        refuse_to_resize(std::to_string(size.width) + "x" + std::to_string(size.height) + " pixels only");
    }
}

// For processors that do not resize. Throws std::invalid_argument.
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

clip_image_u8 cut(const clip_image_u8 & image, int left, int top, ImageSize size) {
    clip_image_u8 tile;
    tile.set_size({size.width, size.height}, image.is_placeholder());
    for (int y = 0; y < size.height && !image.is_placeholder(); y++) {
        for (int x = 0; x < size.width; x++) {
            tile.set_pixel(x, y, image.get_pixel(left + x, top + y));
        }
    }
    return tile;
}

// Pads with black on the right and at the bottom.
clip_image_u8 padded(const clip_image_u8 & image, ImageSize size) {
    const auto [width, height] = size_of(image);
    clip_image_u8 result;
    result.set_size({size.width, size.height}, image.is_placeholder());
    for (int y = 0; y < size.height && !image.is_placeholder(); y++) {
        for (int x = 0; x < size.width; x++) {
            result.set_pixel(x, y, x < width && y < height ? image.get_pixel(x, y) : std::array<uint8_t, 3>{0, 0, 0});
        }
    }
    return result;
}

clip_image_u8 black(ImageSize size, bool is_placeholder) {
    clip_image_u8 image;
    image.set_size({size.width, size.height}, is_placeholder);
    return image;
}

clip_image_u8 filled(ImageSize size, const std::array<uint8_t, 3> & colour, bool is_placeholder) {
    clip_image_u8 image = black(size, is_placeholder);
    for (int y = 0; y < size.height && !is_placeholder; y++) {
        for (int x = 0; x < size.width; x++) {
            image.set_pixel(x, y, colour);
        }
    }
    return image;
}

void paste(const clip_image_u8 & image, clip_image_u8 & onto, int left, int top) {
    const auto [width, height] = size_of(image);
    for (int y = 0; y < height && !onto.is_placeholder(); y++) {
        for (int x = 0; x < width; x++) {
            onto.set_pixel(left + x, top + y, image.get_pixel(x, y));
        }
    }
}

std::vector<ImageSize> resolutions_of(const clip_hparams & model) {
    std::vector<ImageSize> sizes;
    for (const auto & [width, height] : model.image_res_candidates) {
        sizes.push_back({width, height});
    }
    return sizes;
}

// How a processor turns an image into the encoder's input.
using Prepare = std::function<mtmd_image_preproc_out(const clip_image_u8 &)>;

thread_local std::string refusal;

mtmd_image_preproc_out whole(const clip_hparams & model, const clip_image_u8 & image) {
    mtmd_image_preproc_out out;
    out.append(model, image);
    return out;
}

// Cuts an image whose sides are multiples of a tile into tiles.
mtmd_image_preproc_out tiles_of(const clip_hparams & model, const clip_image_u8 & image, TileGrid grid,
                                bool normalized = true) {
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

// Tiles, and an overview after them.
mtmd_image_preproc_out tiled(const clip_hparams & model, const clip_image_u8 & image, TileGrid grid,
                             const clip_image_u8 & overview, bool normalized = true) {
    mtmd_image_preproc_out out = tiles_of(model, image, grid, normalized);
    out.append_overview(model, overview, normalized);
    return out;
}

// mtmd also writes an overview's marks for an image without tiles.
mtmd_image_preproc_out overview_only(const clip_hparams & model, const clip_image_u8 & image) {
    mtmd_image_preproc_out out;
    out.append_overview(model, image);
    return out;
}

// A square of the size that the encoder takes.
clip_image_u8 squared(const clip_image_u8 & image, int side, resize_algo filter, bool resizes) {
    if (resizes) {
        return stretched(image, {side, side}, filter);
    }
    expect_size(image, {side, side});
    return image;
}

Prepare square(const clip_hparams & model, const ProcessorSettings & settings, resize_algo usual_filter) {
    const resize_algo filter = filter_of(settings, usual_filter);
    return [&model, filter, resizes = settings.resizes](const clip_image_u8 & image) {
        return whole(model, squared(image, model.image_size, filter, resizes));
    };
}

Prepare gemma4(const clip_hparams & model, const ProcessorSettings & settings, int n_positions) {
    const int factor = model.patch_size * model.n_merge;
    const int max_tokens = tokens_of(settings.max_pixels, factor, gemma4_max_tokens);
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BICUBIC);
    return [=, &model, resizes = settings.resizes](const clip_image_u8 & image) {
        if (!resizes) {
            expect_multiples(image, factor, max_tokens);
        }
        const ImageSize size = resizes ? scale_to_tokens(size_of(image), factor, max_tokens) : size_of(image);
        if (n_positions > 0 && std::max(size.width, size.height) / model.patch_size > n_positions) {
            throw std::invalid_argument("the image is longer than the encoder has positions");  // ggml would abort
        }
        return whole(model, stretched(image, size, filter));
    };
}

using SmartResize = ImageSize (*)(ImageSize, int, double, double);

Prepare qwen_vl(const clip_hparams & model, const ProcessorSettings & settings, SmartResize resize, PixelBounds bounds,
                int32_t max_tokens) {
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BICUBIC);
    const int factor = model.patch_size * model.n_merge;
    const double most = std::max(bounds.min, static_cast<double>(max_tokens) * factor * factor);
    bounds.max = std::min(bounds.max, most);
    return [=, &model, resizes = settings.resizes](const clip_image_u8 & image) {
        if (!resizes) {
            expect_multiples(image, factor, max_tokens);
            return whole(model, image);
        }
        const ImageSize size = resize(size_of(image), factor, bounds.min, bounds.max);
        return whole(model, stretched(image, size, filter));
    };
}

Prepare pixtral(const clip_hparams & model, const ProcessorSettings & settings, int32_t max_tokens) {
    const int longest = or_else(settings.longest_edge, model.image_size);
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BICUBIC);
    return [=, &model, resizes = settings.resizes](const clip_image_u8 & image) {
        const int factor = model.patch_size * model.n_merge;
        if (!resizes) {
            expect_multiples(image, factor, max_tokens);
            return whole(model, image);
        }
        return whole(model, stretched(image, shrink_to_longest(size_of(image), longest, factor), filter));
    };
}

Prepare kimi_vl(const clip_hparams & model, const ProcessorSettings & settings) {
    const int max_patches = tokens_of(settings.max_pixels, model.patch_size, kimi_vl_max_patches);
    return [&model, max_patches](const clip_image_u8 & image) {
        const ImageSize size = shrink_to_patches(size_of(image), model.patch_size, max_patches);
        const auto resized = stretched(image, size, RESIZE_ALGO_BICUBIC);
        return whole(model, padded(resized, round_up(size, model.patch_size * model.n_merge)));
    };
}

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

// Stacks the tiles of a row vertically: the encoder adds a line break after each of their rows.
clip_image_u8 row_of_tiles(const clip_image_u8 & image, int row, int columns, int tile) {
    clip_image_u8 stack = black({tile, tile * columns}, image.is_placeholder());
    for (int column = 0; column < columns; column++) {
        paste(cut(image, column * tile, row * tile, {tile, tile}), stack, 0, column * tile);
    }
    return stack;
}

// Tiles, if the image is larger than one, and the whole image on grey.
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

// The centre of an image, on black where a side is shorter.
clip_image_u8 centre_of(const clip_image_u8 & image, int side) {
    const auto [width, height] = size_of(image);
    const ImageSize least{std::max(width, side), std::max(height, side)};
    clip_image_u8 canvas = black(least, image.is_placeholder());
    paste(image, canvas, (least.width - width + 1) / 2, (least.height - height + 1) / 2);
    return cut(canvas, (least.width - side) / 2, (least.height - side) / 2, {side, side});
}

// CLIP's processor crops the centre of an image.
Prepare llava_clip(const clip_hparams & model, const ProcessorSettings & settings) {
    const resize_algo filter = filter_of(settings, RESIZE_ALGO_BICUBIC);
    return [&model, filter, resizes = settings.resizes](const clip_image_u8 & image) {
        const int side = model.image_size;
        if (!resizes) {
            return whole(model, centre_of(image, side));
        }
        const ImageSize size = scale_to_shortest(size_of(image), side);
        const auto resized = stretched(image, size, filter);
        return whole(model, cut(resized, (size.width - side) / 2, (size.height - side) / 2, {side, side}));
    };
}

// The whole image and the tiles of an enlarged, black-padded copy, stacked vertically: mtmd joins them after encoding.
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

// SigLIP's processor stretches an image to a square.
Prepare llava_of(const clip_ctx * clip, const ProcessorSettings & settings) {
    const clip_hparams & model = *clip_get_hparams(clip);
    if (model.image_res_candidates.empty()) {
        return clip_has_class_token(clip) ? llava_clip(model, settings) : square(model, settings, RESIZE_ALGO_BICUBIC);
    }
    // Older LLaVA-NeXT files lack the newline embedding: mtmd handles them in its own way.
    return clip_has_newline(clip) ? llava_next(model, settings) : Prepare{};
}

// Empty for a projector with an unknown processor.
Prepare processor_of(const clip_ctx * clip, const ProcessorSettings & settings, int32_t max_tokens) {
    const clip_hparams & model = *clip_get_hparams(clip);
    switch (clip_get_projector_type(clip)) {
        case PROJECTOR_TYPE_DEEPSEEKOCR:
        case PROJECTOR_TYPE_DEEPSEEKOCR2:
            return deepseek_ocr(model, clip_get_projector_type(clip) == PROJECTOR_TYPE_DEEPSEEKOCR);
        case PROJECTOR_TYPE_GEMMA3:
        case PROJECTOR_TYPE_GEMMA3NV:
            return square(model, settings, RESIZE_ALGO_BILINEAR);
        case PROJECTOR_TYPE_GEMMA4V:
        case PROJECTOR_TYPE_GEMMA4UV:
            return gemma4(model, settings, clip_n_positions(clip));
        case PROJECTOR_TYPE_QWEN2VL:
        case PROJECTOR_TYPE_QWEN25VL:
            return qwen_vl(model, settings, smart_resize, bounds_of(settings, qwen2_vl_bounds), max_tokens);
        case PROJECTOR_TYPE_QWEN3VL:
            return qwen_vl(model, settings, smart_resize, bounds_of(settings, qwen3_vl_bounds), max_tokens);
        case PROJECTOR_TYPE_GLM4V:
            return qwen_vl(model, settings, smart_resize_enlarging, bounds_of(settings, glm4v_bounds), max_tokens);
        case PROJECTOR_TYPE_MINICPMV4_6:
            return minicpm_v(model, settings);
        case PROJECTOR_TYPE_PADDLEOCR:
            return qwen_vl(model, settings, smart_resize_widening,
                           bounds_of(settings, {static_cast<double>(model.image_min_pixels),
                                                static_cast<double>(model.image_max_pixels)}),
                           max_tokens);
        case PROJECTOR_TYPE_PIXTRAL:
            return pixtral(model, settings, max_tokens);
        case PROJECTOR_TYPE_KIMIVL:
            return kimi_vl(model, settings);
        case PROJECTOR_TYPE_IDEFICS3:
            return idefics3(model, settings);
        case PROJECTOR_TYPE_INTERNVL:
            return internvl(model, settings);
        case PROJECTOR_TYPE_LFM2:
            return lfm2_vl(model, settings);
        case PROJECTOR_TYPE_LLAMA4:
            return llama4(model, settings);
        case PROJECTOR_TYPE_MLP:
            return llava_of(clip, settings);
        case PROJECTOR_TYPE_GRANITE4_VISION:
            return model.image_res_candidates.empty() ? Prepare{} : llava_next(model, settings);
        default:
            return {};
    }
}

int most_tokens_of(const clip_ctx * clip, const mtmd_image_preproc_out & out) {
    int most = out.has_overview() ? clip_n_output_tokens(clip, &out.overview) : 0;
    for (const auto & entry : out.entries) {
        most = std::max(most, clip_n_output_tokens(clip, &entry));
    }
    return most;
}

// The size that all of an image has in front of the encoder, and the number of its tiles.
SeenImage seen_of(const clip_ctx * clip, const mtmd_image_preproc_out & out) {
    const clip_image_f32 & first = out.entries.empty() ? out.overview : out.entries.front();
    if (first.anyres.is_tiled()) {
        const auto & [columns, rows, width, height] = first.anyres;
        return {columns * first.nx(), rows * first.nx(), columns * rows};
    }
    if (out.grid_x == 0 || out.grid_y == 0) {
        return {first.nx(), first.ny(), 0};
    }
    // Rows of tiles are one input each.
    const int columns = clip_get_projector_type(clip) == PROJECTOR_TYPE_DEEPSEEKOCR ? first.ny() / first.nx() : out.grid_x;
    const int height = clip_get_projector_type(clip) == PROJECTOR_TYPE_DEEPSEEKOCR ? first.nx() : first.ny();
    return {columns * first.nx(), out.grid_y * height, columns * out.grid_y};
}

class Processor : public mtmd_image_preprocessor {
  public:
    Processor(const clip_ctx * clip, Prepare prepare, int32_t max_tokens, int32_t most_asked)
        : mtmd_image_preprocessor(clip),
          clip_(clip),
          prepare_(std::move(prepare)),
          max_tokens_(max_tokens),
          most_asked_(most_asked) {}
    mtmd_image_preproc_out preprocess(const clip_image_u8 & image) const override {
        try {
            const ProcessorSettings * asked = ImageScope::next();
            auto out = asked == nullptr ? prepare_(image) : prepare_as_asked(*asked, image);
            ImageScope::tell(seen_of(clip_, out));
            return out;
        } catch (const std::exception & error) {
            refusal = error.what();
            throw;
        }
    }

  private:
    mtmd_image_preproc_out prepare_as_asked(const ProcessorSettings & asked, const clip_image_u8 & image) const {
        auto out = processor_of(clip_, asked, max_tokens_)(image);
        const int tokens = most_tokens_of(clip_, out);
        if (tokens > most_asked_) {
            throw std::invalid_argument("the settings that were asked for make " + std::to_string(tokens) +
                                        " tokens of it, and this server takes at most " + std::to_string(most_asked_));
        }
        return out;
    }

    const clip_ctx * clip_;
    const Prepare prepare_;
    const int32_t max_tokens_;
    const int32_t most_asked_;
};

// The factors of a number that are closest to each other.
ImageSize squarest(int area) {
    int side = static_cast<int>(std::sqrt(static_cast<double>(area)));
    while (area % side != 0) {
        side--;
    }
    return {area / side, side};
}

std::vector<ImageSize> samples_of(const clip_ctx * clip, const ProcessorSettings & settings, int32_t max_tokens);

EncoderInput input_of(const clip_image_f32 & image) {
    return {image.nx(), image.ny(), image.get_ro_buf()};
}

}  // namespace

void follow_processor(mtmd_context * vision, const ProcessorSettings & settings, int32_t max_tokens) {
    const clip_ctx * clip = mtmd_get_vision_ctx(vision);
    if (Prepare prepare = processor_of(clip, settings, max_tokens)) {
        mtmd_set_image_preprocessor(vision, std::make_unique<Processor>(clip, std::move(prepare), max_tokens,
                                                                        most_input_tokens(vision, settings, max_tokens)));
    }
}

int32_t most_input_tokens(const mtmd_context * vision, const ProcessorSettings & settings, int32_t max_tokens) {
    const clip_ctx * clip = mtmd_get_vision_ctx(vision);
    const Prepare prepare = processor_of(clip, settings, max_tokens);
    int32_t most = max_tokens;
    for (const ImageSize size : prepare ? samples_of(clip, settings, max_tokens) : std::vector<ImageSize>{}) {
        clip_image_u8 image;
        image.set_size({size.width, size.height}, true);
        try {
            most = std::max(most, most_tokens_of(clip, prepare(image)));
        } catch (const std::exception &) {
            // The sample is asked for again, and its refusal told then.
        }
    }
    return most;
}

ProcessorSettings bounded(const mtmd_context * vision, ProcessorSettings largest, int32_t most_tokens) {
    const clip_hparams & model = *clip_get_hparams(mtmd_get_vision_ctx(vision));
    const int64_t factor = static_cast<int64_t>(model.patch_size) * std::max(1, model.n_merge);
    const auto most_pixels = static_cast<uint32_t>(std::min<int64_t>(UINT32_MAX, most_tokens * factor * factor));
    // A square of n by n; with a token between its rows, n times n + 1, less one.
    const bool marks_rows = clip_get_projector_type(mtmd_get_vision_ctx(vision)) == PROJECTOR_TYPE_PIXTRAL;
    const double side = marks_rows ? (std::sqrt(4.0 * most_tokens + 5) - 1) / 2 : std::sqrt(static_cast<double>(most_tokens));
    const auto longest = static_cast<uint32_t>(factor * static_cast<int64_t>(side));
    largest.max_pixels = std::min(largest.max_pixels, most_pixels);
    largest.min_pixels = std::min(largest.min_pixels, most_pixels);
    largest.longest_edge = std::min(largest.longest_edge, longest);
    return largest;
}

std::vector<ImageSize> sample_sizes(const mtmd_context * vision, const ProcessorSettings & settings, int32_t max_tokens) {
    return samples_of(mtmd_get_vision_ctx(vision), settings, max_tokens);
}

std::string take_refusal() {
    return std::exchange(refusal, {});
}

void leave_boundaries_to_prompt(mtmd_context * vision) {
    mtmd_drop_image_boundaries(vision);
}

namespace {

std::vector<ImageSize> samples_of(const clip_ctx * clip, const ProcessorSettings & settings, int32_t max_tokens) {
    const std::vector<ImageSize> any{{256, 256}, {8192, 8192}};
    const clip_hparams & model = *clip_get_hparams(clip);
    const int factor = model.patch_size * std::max(1, model.n_merge);
    const projector_type type = clip_get_projector_type(clip);
    if (type == PROJECTOR_TYPE_GEMMA4V || type == PROJECTOR_TYPE_GEMMA4UV) {
        // Most aspects have a few tokens less.
        int tokens = tokens_of(settings.max_pixels, factor, gemma4_max_tokens);
        const int positions = clip_n_positions(clip);
        while (positions > 0 && tokens > 1 && squarest(tokens).width * std::max(1, model.n_merge) > positions) {
            tokens--;
        }
        const auto [columns, rows] = squarest(tokens);
        return {{columns * factor, rows * factor}};
    }
    if (settings.resizes) {
        return any;
    }
    switch (type) {
        case PROJECTOR_TYPE_GEMMA3:
        case PROJECTOR_TYPE_GEMMA3NV:
        case PROJECTOR_TYPE_INTERNVL:
        case PROJECTOR_TYPE_MLP:
            return {{model.image_size, model.image_size}};
        case PROJECTOR_TYPE_QWEN2VL:
        case PROJECTOR_TYPE_QWEN25VL:
        case PROJECTOR_TYPE_QWEN3VL:
        case PROJECTOR_TYPE_GLM4V:
        case PROJECTOR_TYPE_PADDLEOCR:
        case PROJECTOR_TYPE_PIXTRAL:
            return {{factor * std::min(8, max_tokens), factor}};
        default:
            return any;
    }
}

}  // namespace

std::vector<EncoderInput> prepare_image(const mtmd_context * vision, const ProcessorSettings & settings,
                                        int32_t max_tokens, const uint8_t * rgb, uint32_t width, uint32_t height) {
    const Prepare prepare = processor_of(mtmd_get_vision_ctx(vision), settings, max_tokens);
    std::vector<EncoderInput> inputs;
    if (!prepare) {
        return inputs;
    }
    for (const auto & view : views_of({static_cast<int>(width), static_cast<int>(height)}, settings.pan_and_scan)) {
        clip_image_u8 image;
        image.set_size({view.size.width, view.size.height}, false);
        image.cpy_buf(pixels_of(view, rgb, width));
        const mtmd_image_preproc_out out = prepare(image);
        for (const auto & tile : out.entries) {
            inputs.push_back(input_of(tile));
        }
        if (out.has_overview()) {
            inputs.push_back(input_of(out.overview));
        }
    }
    return inputs;
}

}  // namespace vserve
