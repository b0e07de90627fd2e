#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace vserve {

using Embeddings = std::shared_ptr<const std::vector<float>>;

// An LRU cache of encoded images, by the id of their pixels. Those of one salt are hidden from the others: by its time to
// the first token, a tenant would learn what another has sent. Thread-safe.
class EmbeddingCache {
  public:
    // `max_images` 0 disables the cache.
    EmbeddingCache(size_t max_images, size_t max_bytes) : max_images_(max_images), max_bytes_(max_bytes) {}

    // The embeddings of an image's chunks, in order (a tiled image has several); empty if it is not cached.
    std::vector<Embeddings> find(const std::string & salt, const std::string & image_id);

    void insert(const std::string & salt, const std::string & image_id, std::vector<Embeddings> chunks);

  private:
    struct Entry {
        std::string key;
        std::vector<Embeddings> chunks;
        size_t bytes;
    };

    const size_t max_images_;
    const size_t max_bytes_;
    std::mutex mutex_;
    std::list<Entry> entries_;  // the most recently used first
    std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
    size_t bytes_ = 0;
};

}  // namespace vserve
