#pragma once

#include <cstdint>
#include <unordered_map>

#include "llama.h"
#include "sampling-settings.h"

namespace vserve {

// The penalties on tokens that were seen before. As in vLLM, the repetition penalty (Hugging Face's) looks at the prompt and
// the answer, the frequency and presence penalties (OpenAI's) at the answer alone.
class Penalties {
  public:
    explicit Penalties(const SamplingSettings & settings);

    bool are_off() const { return !repeats_ && !counts_answer_; }

    void see(llama_token token, bool in_answer);

    // How often each token that was seen is in the answer.
    const std::unordered_map<llama_token, int32_t> & seen() const { return seen_; }

    // What is left of the logit of a token that was seen `count` times in the answer.
    float penalized(float logit, int32_t count) const;

  private:
    const float repetition_;
    const float frequency_;
    const float presence_;
    const bool repeats_;
    const bool counts_answer_;
    std::unordered_map<llama_token, int32_t> seen_;
};

}  // namespace vserve
