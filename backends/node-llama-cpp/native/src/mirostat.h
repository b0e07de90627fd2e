#pragma once

#include <cstdint>

#include "candidates.h"

namespace vserve {

// llama.cpp's Mirostat, versions 1 and 2: leaves so many of the likeliest tokens that the answer's surprise stays near a
// target, in bits.
class Mirostat {
  public:
    Mirostat(int32_t version, float tau, float eta) : version_(version), tau_(tau), eta_(eta), most_(2 * tau) {}

    bool is_off() const { return version_ == 0; }

    void narrow(Candidates & candidates, int32_t n_tokens) const;

    // Learns from a token that was drawn with a probability among those that were left.
    void learn(float probability);

  private:
    int32_t likeliest_to_keep(Candidates & candidates, int32_t n_tokens) const;

    const int32_t version_;
    const float tau_;
    const float eta_;
    float most_;  // surprise
};

}  // namespace vserve
