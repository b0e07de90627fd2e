#pragma once

#include <vector>

#include "logits-row.h"

namespace vserve {

// llama.cpp's adaptive-p: prefers tokens with a probability near a target, which moves so that those that are drawn have it
// on average.
class AdaptiveP {
  public:
    AdaptiveP(float target, float decay);

    bool is_off() const { return target_ < 0; }

    // Replaces the logits of tokens by how near their probabilities, which are in the same order, are to the target.
    void transform(std::vector<Candidate> & candidates, const std::vector<float> & probabilities) const;

    // Learns from a token that was drawn: its probability before.
    void learn(float probability);

  private:
    const float target_;
    const float decay_;
    float sum_;     // of past probabilities, each decayed
    float weight_;  // of as many ones
};

}  // namespace vserve
