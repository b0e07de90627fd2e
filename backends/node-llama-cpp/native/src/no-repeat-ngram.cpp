#include "no-repeat-ngram.h"

#include <algorithm>
#include <cmath>

namespace vserve {

NoRepeatNgram::NoRepeatNgram(const SamplingSettings & settings)
    : size_(settings.no_repeat_ngram_size),
      window_(settings.no_repeat_ngram_window),
      with_prompt_(settings.no_repeat_ngram_prompt),
      allowed_(settings.no_repeat_ngram_allowed) {}

void NoRepeatNgram::see(llama_token token, bool in_answer) {
    if (!is_off() && (in_answer || with_prompt_)) {
        seen_.push_back(token);
    }
}

bool NoRepeatNgram::is_allowed(llama_token token) const {
    return token == LLAMA_TOKEN_NULL || std::find(allowed_.begin(), allowed_.end(), token) != allowed_.end();
}

std::unordered_map<llama_token, float> NoRepeatNgram::forbidden() const {
    std::unordered_map<llama_token, float> tokens;
    const auto count = static_cast<std::ptrdiff_t>(seen_.size());
    const std::ptrdiff_t before = size_ - 1;  // tokens of such a sequence, without its last
    const std::ptrdiff_t searched = window_ > 0 ? std::min<std::ptrdiff_t>(count, window_) : count;
    if (searched < size_) {
        return tokens;
    }
    const auto begun = seen_.end() - before;
    for (auto last = seen_.end() - searched + before; last < seen_.end(); last++) {
        // The next place where the sequence could be, by the last of its tokens so far.
        if (before > 0) {
            last = std::find(last - 1, seen_.end() - 1, seen_.back()) + 1;
            if (last == seen_.end()) {
                break;
            }
        }
        if (std::equal(begun, seen_.end(), last - before) && !is_allowed(*last)) {
            tokens.emplace(*last, INFINITY);
        }
    }
    return tokens;
}

}  // namespace vserve
