#include "repetition-watch.h"

#include <algorithm>

namespace vserve {

RepetitionWatch::RepetitionWatch(const RepetitionStop & stop) : stop_(stop) {}

bool RepetitionWatch::repeats(const std::vector<llama_token> & answer) {
    const auto count = static_cast<int32_t>(answer.size());
    const int32_t longest = std::min(stop_.max_pattern, count - 1);
    bool repeats = false;
    for (int32_t length = stop_.min_pattern; length <= longest; length++) {
        const auto place = static_cast<size_t>(length - stop_.min_pattern);
        if (place == same_.size()) {
            same_.push_back(0);
        }
        same_[place] = answer[count - 1] == answer[count - 1 - length] ? same_[place] + 1 : 0;
        repeats = repeats || same_[place] >= static_cast<int64_t>(length) * (stop_.min_count - 1);
    }
    return repeats;
}

}  // namespace vserve
