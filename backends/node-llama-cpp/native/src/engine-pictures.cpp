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
    const size_t before = picture_bytes(false, false);
    for (int32_t fewer = max_image_tokens_ / 2; fewer >= fewest_image_tokens; fewer /= 2) {
        follow_processor(vision_->context(), vision_->processor_settings(), fewer);
        if (picture_bytes(false, false) < before) {
            max_image_tokens_ = fewer;
            return true;
        }
    }
    follow_processor(vision_->context(), vision_->processor_settings(), max_image_tokens_);
    return false;
}

// 0 for a projector that takes no picture so large, or on a GPU without so much memory.
size_t Engine::picture_bytes(bool several, bool reserve) {
    try {
        return vision_->compute_bytes(largest_picture(vision_->context()).get(), several, reserve);
    } catch (const EngineError &) {
        return 0;
    }
}

size_t Engine::encoder_bytes(bool several, int32_t max_tokens) {
    follow_processor(vision_->context(), vision_->processor_settings(), std::min(max_tokens, max_image_tokens_));
    return picture_bytes(several, false);
}

}  // namespace vserve
