#include "penalties.h"

namespace vserve {

Penalties::Penalties(const SamplingSettings & settings)
    : repetition_(settings.repetition_penalty),
      frequency_(settings.frequency_penalty),
      presence_(settings.presence_penalty),
      window_(settings.penalty_window),
      repeats_(window_ != 0 && repetition_ != 1.0f),
      counts_answer_(window_ != 0 && (frequency_ != 0.0f || presence_ != 0.0f)) {}

void Penalties::see(llama_token token, bool in_answer) {
    if (!repeats_ && !(counts_answer_ && in_answer)) {
        return;
    }
    Count & count = seen_[token];
    count.in_all++;
    count.in_answer += in_answer ? 1 : 0;
    if (window_ > 0) {
        last_.emplace_back(token, in_answer);
        if (last_.size() > static_cast<size_t>(window_)) {
            forget_oldest();
        }
    }
}

void Penalties::forget_oldest() {
    const auto [token, in_answer] = last_.front();
    last_.pop_front();
    const auto seen = seen_.find(token);
    seen->second.in_answer -= in_answer ? 1 : 0;
    if (--seen->second.in_all == 0) {
        seen_.erase(seen);
    }
}

float Penalties::penalized(float logit, const Count & count) const {
    const float repeated = logit < 0 ? logit * repetition_ : logit / repetition_;
    return repeated - frequency_ * static_cast<float>(count.in_answer) - (count.in_answer > 0 ? presence_ : 0.0f);
}

}  // namespace vserve
