#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "logits-row.h"
#include "weight.h"

namespace vserve {

// How far the information that a token bears is from the expected one, the entropy.
struct TypicalDistance {
    float greatest;  // logit
    float scale;     // of the logits
    float offset;    // the information of the token with the greatest logit, less the entropy

    float of(float logit) const { return std::abs(limited((greatest - logit) * scale) + offset); }
};

// The greatest distance of those that come first by it and weigh at least `wanted` together, and are at least `min_keep`.
float typical_limit(const std::vector<Candidate> & candidates, const TypicalDistance & distance, double wanted,
                    int32_t min_keep);

}  // namespace vserve
