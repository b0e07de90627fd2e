#include "adaptive-p.h"

#include <algorithm>
#include <cmath>

namespace vserve {

namespace {

constexpr float width = 0.3f;
constexpr float peak = 5.0f;
constexpr float sharpness = 10.0f;
constexpr float longest_decay = 0.99f;

}  // namespace

AdaptiveP::AdaptiveP(float target, float decay)
    : target_(target),
      decay_(std::clamp(decay, 0.0f, longest_decay)),
      sum_(target / (1 - decay_)),
      weight_(1 / (1 - decay_)) {}

void AdaptiveP::transform(std::vector<Candidate> & candidates, const std::vector<float> & probabilities) const {
    const float target = std::clamp(2 * std::min(target_, 1.0f) - sum_ / weight_, 0.0f, 1.0f);
    for (size_t i = 0; i < candidates.size(); i++) {
        if (candidates[i].logit > -INFINITY) {
            const float distance = std::abs(probabilities[i] - target) / width;
            candidates[i].logit = peak - sharpness * distance * distance / (1 + distance);
        }
    }
}

void AdaptiveP::learn(float probability) {
    sum_ = probability + decay_ * sum_;
    weight_ = 1 + decay_ * weight_;
}

}  // namespace vserve
