#include "whole-image-processors.h"

#include <algorithm>
#include <stdexcept>

#include "image-drawing.h"

namespace vserve {

namespace {

constexpr int kimi_vl_max_patches = 4096;

// The centre of an image, on black where a side is shorter.
clip_image_u8 centre_of(const clip_image_u8 & image, int side) {
    const auto [width, height] = size_of(image);
    const ImageSize least{std::max(width, side), std::max(height, side)};
    clip_image_u8 canvas = black(least, image.is_placeholder());
    paste(image, canvas, (least.width - width + 1) / 2, (least.height - height + 1) / 2);
    return cut(canvas, (least.width - side) / 2, (least.height - side) / 2, {side, side});
}

}  // namespace

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

}  // namespace vserve
