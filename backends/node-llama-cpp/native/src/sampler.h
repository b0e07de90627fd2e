#pragma once

#include <vector>

#include "common.h"
#include "llama.h"
#include "sampling.h"

namespace vserve {

// llama.cpp's sampler chain without most of the vocabulary. The chain handles every token (262,144 for Gemma). If its
// settings let only the likeliest few through, those are picked from the raw logits first, in one pass. The result is the
// same.
class Sampler {
  public:
    // Throws EngineError generation_failed.
    Sampler(const llama_model * model, common_params_sampling params);

    // Draws a token from row `row` of the last batch's logits.
    llama_token sample(llama_context * context, int32_t row);

    // The `count` tokens with the greatest logits in row `row` of the last batch, greatest first.
    std::vector<llama_token_data> likeliest(llama_context * context, int32_t row, int32_t count) const;

    void accept(llama_token token, bool is_generated);

    // Approximate cost of a draw, in logits read.
    int64_t cost() const;

  private:
    void pick_likeliest(const float * logits);
    void add_raised(const float * logits);

    common_sampler_ptr sampler_;
    int32_t vocabulary_;
    int32_t shortlist_ = 0;  // how many of the likeliest tokens can be drawn; 0: all
    std::vector<llama_token> raised_;  // with a positive bias: candidates even outside of the shortlist
    std::vector<llama_token_data> candidates_;
};

}  // namespace vserve
