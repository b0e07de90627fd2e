#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vserve {

// How often values lay in each of several ranges. One thread adds, any thread reads.
template <size_t n>
class Distribution {
  public:
    explicit Distribution(const std::array<double, n> & bounds) : bounds_(bounds) {}

    void add(double value) {
        const auto range = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
        counts_[static_cast<size_t>(range)].fetch_add(1, std::memory_order_relaxed);
        sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
    }

    const std::array<double, n> & bounds() const { return bounds_; }
    // At most bounds()[i], and more than the one before; the last: more than all.
    uint64_t count(size_t i) const { return counts_[i].load(std::memory_order_relaxed); }
    double sum() const { return sum_.load(std::memory_order_relaxed); }
    static constexpr size_t ranges() { return n + 1; }

  private:
    std::array<double, n> bounds_;
    std::array<std::atomic<uint64_t>, n + 1> counts_{};
    std::atomic<double> sum_{0};
};

// What the engine has done since it was made. The engine thread writes, any thread reads.
struct EngineWork {
    Distribution<14> step_ms{{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000}};
    Distribution<10> step_sequences{{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}};
    std::atomic<uint64_t> prompt_tokens{0};      // images' included
    std::atomic<uint64_t> forced_tokens{0};      // of answers, for which nothing was drawn
    std::atomic<uint64_t> preemptions{0};        // answers pushed out, to be computed again
    std::atomic<uint64_t> encodes{0};            // images, or parts of them, that the encoder computed
    std::atomic<uint64_t> encoded_tokens{0};     // of these
    std::atomic<uint64_t> known_images{0};       // in prompts, whose embeddings were there
    std::atomic<int64_t> cached_tokens{0};       // in the KV cache at the moment
    std::atomic<uint64_t> copied_bytes{0};       // of KV cells kept outside of the context at the moment
};

}  // namespace vserve
