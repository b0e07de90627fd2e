#pragma once

#include <vector>

#include "common.h"
#include "llama.h"
#include "sampling.h"

namespace vserve {

// llama.cpp's sampler chain, spared most of the vocabulary. The chain looks at every token (Gemma has 262,144); where its
// settings let only the likeliest few through, those are picked out of the logits first, in one pass over the bare
// numbers. The result is the same.
class Sampler {
  public:
    // Throws EngineError generation_failed.
    Sampler(const llama_model * model, common_params_sampling params);

    // Draws a token from row `row` of the last batch's logits.
    llama_token sample(llama_context * context, int32_t row);

    // The `count` tokens with the greatest logits in row `row` of the last batch, greatest first.
    std::vector<llama_token_data> likeliest(llama_context * context, int32_t row, int32_t count) const;

    void accept(llama_token token, bool is_generated);

    // About how many logits' worth of reading a draw costs.
    int64_t cost() const;

  private:
    void pick_likeliest(const float * logits);
    void add_raised(const float * logits);

    common_sampler_ptr sampler_;
    int32_t vocabulary_;
    int32_t shortlist_ = 0;  // the likeliest tokens that can be drawn at most; 0: any
    std::vector<llama_token> raised_;  // by a bias: they can be drawn from outside of the shortlist
    std::vector<llama_token_data> candidates_;
};

}  // namespace vserve
