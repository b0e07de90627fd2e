#pragma once

#include <cstdint>
#include <vector>

#include "llama.h"

namespace vserve {

// When an answer ends because it repeats itself: its last tokens are the same pattern, at least `min_count` times in a row.
struct RepetitionStop {
    int32_t min_pattern = 1;  // tokens
    int32_t max_pattern = 0;  // 0: never
    int32_t min_count = 2;
};

// Watches an answer for it, at the cost of one comparison for each length of a pattern and token.
class RepetitionWatch {
  public:
    explicit RepetitionWatch(const RepetitionStop & stop);

    // Call it after each token of the answer. True if it repeats itself.
    bool repeats(const std::vector<llama_token> & answer);

  private:
    RepetitionStop stop_;
    std::vector<int32_t> same_;  // for each length: how many tokens in a row were the same as that many tokens before
};

}  // namespace vserve
