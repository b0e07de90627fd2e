// The part of the engine that bounds the size of pictures by the memory in which they are encoded.

#include <algorithm>

#include "engine.h"
#include "error.h"

namespace vserve {

namespace {

// No picture is made smaller than that for want of memory.
constexpr int32_t fewest_image_tokens = 64;

}  // namespace

// Has pictures scaled down until the largest is encoded within the limit, as far as that depends on its size. On a GPU
// allocates the memory for it: a large picture must not fail because the context has it by then, or another program.
void Engine::fit_pictures() {
    if (options_.encoder_bytes == SIZE_MAX && !options_.use_gpu) {
        return;
    }
    const bool several = vision_->takes_several();
    while (picture_bytes(several, false) > options_.encoder_bytes && shrink_pictures()) {
    }
    if (!options_.use_gpu || picture_bytes(several, false) == 0) {
        return;
    }
    while (picture_bytes(several, true) == 0) {
        if (!shrink_pictures()) {
            throw EngineError("out_of_memory", "There is not enough memory on the GPU to encode pictures. Close other "
                                               "programs that use it, or take --devices cpu.");
        }
    }
}

// Bounds the tokens of a picture so that the encoder takes less. Returns false if that is not possible.
bool Engine::shrink_pictures() {
    const int32_t before = max_image_tokens_;
    const size_t bytes_before = picture_bytes(false, false);
    for (int32_t fewer = before / 2; fewer >= fewest_image_tokens; fewer /= 2) {
        bound_pictures(fewer);
        if (picture_bytes(false, false) < bytes_before) {
            return true;
        }
    }
    bound_pictures(before);
    return false;
}

void Engine::bound_pictures(int32_t max_tokens) {
    max_image_tokens_ = max_tokens;
    follow_processor(vision_->context(), vision_->processor_settings(), max_tokens);
}

// Of the largest picture. 0 on a GPU without so much memory.
size_t Engine::picture_bytes(bool several, bool reserve) {
    size_t most = 0;
    const ProcessorSettings largest = largest_image();
    for (const ImageSize size : image_samples()) {
        const size_t bytes =
            vision_->compute_bytes(tokenize_placeholder(vision_->context(), size, &largest).get(), several, reserve);
        if (bytes == 0) {
            return 0;
        }
        most = std::max(most, bytes);
    }
    return most;
}

// The settings that images are prepared with for the most tokens.
ProcessorSettings Engine::largest_image() const {
    return bounded(vision_->context(), changed(vision_->processor_settings(), options_.largest_image), most_image_tokens());
}

std::vector<ImageSize> Engine::image_samples() const {
    return sample_sizes(vision_->context(), largest_image(), max_image_tokens_);
}

int32_t Engine::most_image_tokens() const {
    return vision_ ? most_input_tokens(vision_->context(), vision_->processor_settings(), max_image_tokens_) : 0;
}

int32_t Engine::whole_image_tokens() const {
    if (!vision_ || !mtmd_decode_use_non_causal(vision_->context(), nullptr)) {
        return 0;
    }
    const ProcessorSettings largest = largest_image();
    return vserve::most_image_tokens(vision_->context(), image_samples(), &largest);
}

size_t Engine::encoder_bytes(bool several, int32_t max_tokens) {
    bound_pictures(std::min(max_tokens, max_image_tokens_));
    return picture_bytes(several, false);
}

}  // namespace vserve
