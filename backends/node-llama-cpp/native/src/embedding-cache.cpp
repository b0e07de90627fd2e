#include "embedding-cache.h"

namespace vserve {

namespace {

std::string key_of(const std::string & salt, const std::string & image_id) {
    return std::to_string(salt.size()) + ":" + salt + image_id;
}

}  // namespace

std::vector<Embeddings> EmbeddingCache::find(const std::string & salt, const std::string & image_id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = by_key_.find(key_of(salt, image_id));
    if (found == by_key_.end()) {
        return {};
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->chunks;
}

void EmbeddingCache::insert(const std::string & salt, const std::string & image_id, std::vector<Embeddings> chunks) {
    const std::string key = key_of(salt, image_id);
    size_t bytes = 0;
    for (const auto & chunk : chunks) {
        bytes += chunk->size() * sizeof(float);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (max_images_ == 0 || bytes > max_bytes_ || by_key_.count(key) != 0) {
        return;
    }
    entries_.push_front({key, std::move(chunks), bytes});
    by_key_[key] = entries_.begin();
    bytes_ += bytes;
    while (entries_.size() > max_images_ || bytes_ > max_bytes_) {
        bytes_ -= entries_.back().bytes;
        by_key_.erase(entries_.back().key);
        entries_.pop_back();
    }
}

}  // namespace vserve
