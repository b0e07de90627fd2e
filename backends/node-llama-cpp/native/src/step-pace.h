#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vserve {

// How many tokens of prompts a step may hold beside streams, so that these stand still for about `most_ms` more at most. That
// differs by a factor of a hundred between models and machines, so it is measured.
class StepPace {
  public:
    // Never fewer than `fewest_tokens`: with less, what a step costs however small it is would be most of it.
    StepPace(double most_ms, int32_t fewest_tokens) : most_ms_(most_ms), fewest_tokens_(fewest_tokens) {}

    // Records how long a step took with `streams` next tokens and `prompt_tokens` of prompts.
    void note(int32_t streams, int32_t prompt_tokens, double ms);

    int32_t most_prompt_tokens() const;

  private:
    // The last ones of a kind. The shortest counts: what else the machine did makes steps longer, never shorter.
    class Recent {
      public:
        void add(double value);
        double least() const;  // 0 without any

      private:
        std::array<double, 4> values_{};
        size_t count_ = 0;
    };

    const double most_ms_;
    const int32_t fewest_tokens_;
    Recent without_prompts_ms_;
    Recent token_ms_;
};

}  // namespace vserve
