#include "penalties.h"

namespace vserve {

Penalties::Penalties(const SamplingSettings & settings)
    : repetition_(settings.repetition_penalty),
      frequency_(settings.frequency_penalty),
      presence_(settings.presence_penalty),
      repeats_(repetition_ != 1.0f),
      counts_answer_(frequency_ != 0.0f || presence_ != 0.0f) {}

void Penalties::see(llama_token token, bool in_answer) {
    if (repeats_ || (counts_answer_ && in_answer)) {
        seen_[token] += in_answer ? 1 : 0;
    }
}

float Penalties::penalized(float logit, int32_t count) const {
    const float repeated = logit < 0 ? logit * repetition_ : logit / repetition_;
    return repeated - frequency_ * static_cast<float>(count) - (count > 0 ? presence_ : 0.0f);
}

}  // namespace vserve
