#pragma once

#include <cstddef>
#include <vector>

#include "logits-row.h"

namespace vserve {

// Where the likeliest of some candidates end that have a given weight together.
struct Nucleus {
    float least;        // the smallest logit in it
    size_t with_least;  // how many candidates with that logit are in it, at least one
};

// The fewest of the candidates with the greatest logits that weigh at least `wanted`; at least one, all if that is not
// enough. Weights as in LogitsRow, `greatest` is the logit of weight 1.
Nucleus find_nucleus(const std::vector<Candidate> & candidates, float greatest, float scale, double wanted);

}  // namespace vserve
