#include "encoder-pace.h"

#include <algorithm>

namespace vserve {

namespace {

// Fifty times what an interruption costs, so that all of them together cost at most 2 %.
constexpr double shortest_group_ms = 5;
// A step of the other sequences takes about as long on a GPU.
constexpr double longest_group_ms = 20;
constexpr double aim_ms = 10;
constexpr int most_nodes = 8192;  // more than any encoder has

}  // namespace

void EncoderPace::computed(double ms) {
    if (!on_gpu_) {
        return;
    }
    if (ms < shortest_group_ms) {
        nodes_ = std::min(nodes_ * 2, most_nodes);
    } else if (ms > longest_group_ms) {
        nodes_ = std::max(1, static_cast<int>(nodes_ * aim_ms / ms));
    }
}

}  // namespace vserve
