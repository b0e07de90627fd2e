#pragma once

#include <memory>
#include <random>
#include <vector>

#include "adaptive-p.h"
#include "candidates.h"
#include "dry.h"
#include "llama.h"
#include "mirostat.h"
#include "no-repeat-ngram.h"
#include "penalties.h"
#include "sampling-settings.h"

namespace vserve {

// Chooses tokens from rows of logits. By default the samplers keep the tokens that those of transformers keep, in the same
// order: all that share the logit of the k-th, the one that crosses top_p, and those relative to the likeliest. What
// transformers does not have is llama.cpp's.
//
// A sampler that is off costs nothing, and the others look at the bare row: candidates are gathered only once a sampler
// leaves few of them.
class Sampler {
  public:
    // For rows of `n_tokens` logits. `dry` is null where the settings turn it off.
    Sampler(int32_t n_tokens, SamplingSettings settings, std::unique_ptr<Dry> dry = nullptr);

    // Draws a token. The row is as before when it returns. Throws NoNumbers, and EngineError (invalid_request) if the settings
    // leave no token.
    llama_token sample(float * logits);

    // Whether sample() leaves out tokens that would repeat something; sample_with_repeats() does not.
    bool forbids_repeats() const { return uses(SamplerKind::no_repeat_ngram); }
    llama_token sample_with_repeats(float * logits);

    // What sample() would draw from: the tokens in order of their ids, with their probabilities. Throws as sample().
    std::vector<llama_token_data> distribution(float * logits);

    // Takes note of a token of the prompt or the answer, whether it was drawn or not.
    void accept(llama_token token, bool in_answer);
    // Takes note of an image of the prompt.
    void pass_image() { no_repeat_ngram_.pass_image(); }

    // Approximate cost of a draw, in logits read.
    int64_t cost() const;

  private:
    class Restored;

    bool is_greedy() const { return settings_.temperature <= 0 && settings_.temperature_range <= 0; }
    bool uses(SamplerKind kind) const;
    bool changes_something(SamplerKind kind) const;
    void leave_out_what_greed_ignores();
    void apply_all(float * logits);
    void apply(SamplerKind kind);
    void apply_last();
    void heat();
    void leave_out_top();
    void learn();
    double fraction();

    const int32_t n_tokens_;
    const SamplingSettings settings_;
    std::vector<SamplerKind> samplers_;  // without those that are off
    Penalties penalties_;
    NoRepeatNgram no_repeat_ngram_;
    std::unique_ptr<Dry> dry_;
    AdaptiveP adaptive_p_;
    Mirostat mirostat_;
    std::mt19937 random_;
    int32_t n_answered_ = 0;
    bool may_repeat_ = false;
    Candidates candidates_;
    std::vector<float> probabilities_;  // of the listed candidates, before adaptive-p
    // The token that was drawn last, and the probability that the samplers which learn know it by.
    llama_token drawn_ = LLAMA_TOKEN_NULL;
    float probability_ = 0;
};

}  // namespace vserve
