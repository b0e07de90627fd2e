#include "step-pace.h"

#include <algorithm>

namespace vserve {

namespace {

// A few tokens say little: their step takes about as long as one without.
constexpr int32_t fewest_measured = 8;

}  // namespace

void StepPace::Recent::add(double value) {
    values_[count_++ % values_.size()] = value;
}

double StepPace::Recent::least() const {
    const size_t count = std::min(count_, values_.size());
    return count == 0 ? 0 : *std::min_element(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(count));
}

void StepPace::note(int32_t streams, int32_t prompt_tokens, double ms) {
    if (prompt_tokens == 0) {
        without_prompts_ms_.add(ms);
    } else if (prompt_tokens >= fewest_measured) {
        const double for_prompts = ms - (streams > 0 ? without_prompts_ms_.least() : 0);
        token_ms_.add(std::max(for_prompts, 0.0) / prompt_tokens);
    }
}

int32_t StepPace::most_prompt_tokens() const {
    const double token_ms = token_ms_.least();
    if (token_ms * INT32_MAX <= most_ms_) {
        return INT32_MAX;
    }
    return std::max(fewest_tokens_, static_cast<int32_t>(most_ms_ / token_ms));
}

}  // namespace vserve
