#include "image-processor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "clip.h"
#include "image-crops.h"
#include "image-preparation.h"
#include "image-scope.h"
#include "image-sizes.h"
#include "mtmd-image.h"
#include "tiling-processors.h"
#include "whole-image-processors.h"

namespace vserve {

namespace {

// Settings of the models on the Hub, for projectors whose GGUF does not say otherwise.
constexpr PixelBounds qwen2_vl_bounds{56 * 56, 28 * 28 * 16384};
constexpr PixelBounds qwen3_vl_bounds{256 * 256, 4096 * 4096};
// GLM-V counts the pixels of two frames; an image is two identical ones.
constexpr PixelBounds glm4v_bounds{112 * 112 / 2, 14 * 14 * 4 * 2 * 6144 / 2};

thread_local std::string refusal;

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
