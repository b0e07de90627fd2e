// The part of the engine that encodes images for others: an Embedder has no encoder of its own beside it.

#include "engine.h"

#include <algorithm>

#include "error.h"

namespace vserve {

PromptBuilder::Images Engine::images() const {
    if (!vision_) {
        return {nullptr, options_.placement, {}, {}, {}};
    }
    return {vision_->context(), options_.placement, vision_->processor_settings(), largest_image(), image_samples()};
}

std::vector<float> Engine::encode(std::shared_ptr<const mtmd_input_chunk> pixels, const std::function<bool()> & is_wanted) {
    const auto image = std::make_shared<ForeignImage>();
    image->pixels = std::move(pixels);
    image->is_wanted = is_wanted;
    auto rows = image->rows.get_future();
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopping_) {
            throw EngineError("model_closed", "The model is closed.");
        }
        foreign_images_.push_back(image);
    }
    work_.notify_one();
    return rows.get();
}

// Engine thread: the one that has waited longest. Never throws.
void Engine::encode_foreign_image() {
    std::shared_ptr<ForeignImage> image;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (foreign_images_.empty()) {
            return;
        }
        image = std::move(foreign_images_.front());
        foreign_images_.pop_front();
    }
    try {
        image->rows.set_value(encode_alone(*image));
    } catch (...) {
        image->rows.set_exception(std::current_exception());
    }
}

std::vector<float> Engine::encode_alone(const ForeignImage & image) {
    if (image.is_wanted()) {
        const ImageTime time(*this);
        auto encoded = vision_->encode({image.pixels.get()}, [this, &image] {
            return work_while_encoding() && image.is_wanted();
        });
        if (!encoded.empty()) {
            work_done_.encodes += 1;
            work_done_.encoded_tokens += mtmd_input_chunk_get_n_tokens(image.pixels.get());
            return std::move(encoded.front().rows);
        }
    }
    if (stopping_) {
        throw EngineError("model_closed", "The model was closed while the request was running.");
    }
    throw EngineError("request_cancelled", "The request was cancelled.");
}

// At the end of the engine thread.
void Engine::refuse_foreign_images() {
    std::deque<std::shared_ptr<ForeignImage>> left;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        left.swap(foreign_images_);
    }
    for (const auto & image : left) {
        image->rows.set_exception(
            std::make_exception_ptr(EngineError("model_closed", "The model was closed while the request was running.")));
    }
}

}  // namespace vserve
