#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>

#include "llama.h"
#include "sampling-settings.h"

namespace vserve {

// The penalties on tokens that were seen before. As in vLLM, the repetition penalty (Hugging Face's) looks at the prompt and
// the answer, the frequency and presence penalties (OpenAI's) at the answer alone; none of them farther back than the window.
class Penalties {
  public:
    explicit Penalties(const SamplingSettings & settings);

    bool are_off() const { return !repeats_ && !counts_answer_; }

    void see(llama_token token, bool in_answer);

    struct Count {
        int32_t in_all = 0;
        int32_t in_answer = 0;
    };
    // How often each token was seen.
    const std::unordered_map<llama_token, Count> & seen() const { return seen_; }

    // What is left of the logit of a token that was seen.
    float penalized(float logit, const Count & count) const;

  private:
    void forget_oldest();

    const float repetition_;
    const float frequency_;
    const float presence_;
    const int32_t window_;
    const bool repeats_;
    const bool counts_answer_;
    std::unordered_map<llama_token, Count> seen_;
    std::deque<std::pair<llama_token, bool>> last_;  // with a window: the tokens in it, and whether they are the answer's
};

}  // namespace vserve
