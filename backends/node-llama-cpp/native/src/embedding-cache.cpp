#include "embedding-cache.h"

namespace vserve {

std::vector<Embeddings> EmbeddingCache::find(const std::string & image_id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = by_id_.find(image_id);
    if (found == by_id_.end()) {
        return {};
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->chunks;
}

void EmbeddingCache::insert(const std::string & image_id, std::vector<Embeddings> chunks) {
    size_t bytes = 0;
    for (const auto & chunk : chunks) {
        bytes += chunk->size() * sizeof(float);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (max_images_ == 0 || bytes > max_bytes_ || by_id_.count(image_id) != 0) {
        return;
    }
    entries_.push_front({image_id, std::move(chunks), bytes});
    by_id_[image_id] = entries_.begin();
    bytes_ += bytes;
    while (entries_.size() > max_images_ || bytes_ > max_bytes_) {
        bytes_ -= entries_.back().bytes;
        by_id_.erase(entries_.back().image_id);
        entries_.pop_back();
    }
}

}  // namespace vserve
