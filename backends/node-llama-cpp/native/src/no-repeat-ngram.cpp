#include "no-repeat-ngram.h"

#include <algorithm>
#include <cmath>

namespace vserve {

std::unordered_map<llama_token, float> NoRepeatNgram::forbidden() const {
    std::unordered_map<llama_token, float> tokens;
    const auto count = static_cast<std::ptrdiff_t>(answer_.size());
    const std::ptrdiff_t before = size_ - 1;  // tokens of such a sequence, without its last
    const std::ptrdiff_t searched = window_ > 0 ? std::min<std::ptrdiff_t>(count, window_) : count;
    if (searched < size_) {
        return tokens;
    }
    const auto begun = answer_.end() - before;
    for (auto last = answer_.end() - searched + before; last < answer_.end(); last++) {
        // The next place where the sequence could be, by the last of its tokens so far.
        if (before > 0) {
            last = std::find(last - 1, answer_.end() - 1, answer_.back()) + 1;
            if (last == answer_.end()) {
                break;
            }
        }
        if (std::equal(begun, answer_.end(), last - before)) {
            tokens.emplace(*last, INFINITY);
        }
    }
    return tokens;
}

}  // namespace vserve
