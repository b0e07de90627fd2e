#include "video-frames.h"

#include <algorithm>

namespace vserve {

namespace {

// The mark that ends an image, and the one that begins the next.
constexpr int32_t tokens_between = 2;

bool goes_on(const Chunk & before, const Chunk & between, const Chunk & next, const std::vector<Image> & images) {
    return before.media != nullptr && between.media == nullptr && between.n_tokens == tokens_between &&
           next.media != nullptr && next.image == before.image + 1 &&
           images[next.image].video_pos > images[before.image].video_pos;
}

}  // namespace

const uint8_t * frame_of(const Image & image, uint32_t frame) {
    return image.rgb + static_cast<size_t>(image.width) * image.height * 3 * frame;
}

void merge(std::vector<mtmd::bitmap> & frames) {
    for (auto & frame : frames) {
        mtmd_bitmap_set_mergeable(frame.ptr.get(), true);
    }
}

void join_videos(Prompt & prompt, const std::vector<Image> & images) {
    std::vector<Chunk> joined;
    for (auto & chunk : prompt.chunks) {
        const size_t n = joined.size();
        if (n >= 2 && goes_on(joined[n - 2], joined[n - 1], chunk, images)) {
            prompt.n_tokens -= joined.back().n_tokens;
            joined.pop_back();
            Chunk & before = joined.back();
            chunk.video_pos = images[chunk.image].video_pos;
            const llama_pos passed = chunk.video_pos - before.video_pos;
            // As far as the rows and columns of the video reach, but at least one position.
            chunk.n_pos = std::max<llama_pos>(1, before.n_pos - passed);
            before.n_pos = passed;
            // Equal pictures at other times have other cells.
            before.image_key += "+" + std::to_string(passed);
            chunk.image_key += "@" + std::to_string(chunk.video_pos);
        }
        joined.push_back(std::move(chunk));
    }
    prompt.chunks = std::move(joined);
}

}  // namespace vserve
