#pragma once

#include <random>
#include <vector>

#include "llama.h"
#include "logits-row.h"
#include "penalties.h"
#include "sampling-settings.h"

namespace vserve {

// Chooses tokens from rows of logits. By default the samplers keep the tokens that those of transformers keep, in the same
// order: all that share the logit of the k-th, the one that crosses top_p, and those relative to the likeliest.
//
// A sampler that is off costs nothing, and the others look at the bare row: candidates are gathered only once a sampler
// leaves few of them.
class Sampler {
  public:
    // For rows of `n_tokens` logits.
    Sampler(int32_t n_tokens, SamplingSettings settings);

    // Draws a token. The row is as before when it returns. Throws NoNumbers.
    llama_token sample(float * logits);

    // What sample() would draw from: the tokens in order of their ids, with their probabilities. Throws as sample().
    std::vector<llama_token_data> distribution(float * logits);

    // Takes note of a token of the prompt or the answer, for the penalties.
    void accept(llama_token token, bool in_answer) { penalties_.see(token, in_answer); }

    // Approximate cost of a draw, in logits read.
    int64_t cost() const;

  private:
    class Restored;

    bool is_greedy() const { return settings_.temperature <= 0; }
    bool changes_something(SamplerKind kind) const;
    void set(float * logits, llama_token token, float logit);
    void apply_all(float * logits);
    void apply(SamplerKind kind, float * logits);
    void penalize(float * logits);
    float penalized(float logit, int32_t count) const;
    void keep(float least);
    void keep_likeliest(int32_t count);
    void keep_mass(float share);
    void read(const float * logits);
    float greatest() const;
    llama_token choose(const float * logits);
    llama_token draw();
    double fraction();

    const int32_t n_tokens_;
    const SamplingSettings settings_;
    std::vector<SamplerKind> samplers_;  // without those that are off
    Penalties penalties_;
    std::mt19937 random_;
    std::vector<Candidate> changed_;  // the row's own logits, of the tokens that were changed in it

    // Of the row at hand.
    LogitsRow row_;
    bool is_read_ = false;
    bool is_narrowed_ = false;  // to candidates_; else all tokens of the row are left
    std::vector<Candidate> candidates_;
    float temperature_ = 1;  // logits are divided by it where it matters: the order stays the same
};

}  // namespace vserve
