#pragma once

#include <cstdint>
#include <vector>

#include "error.h"
#include "llama.h"

namespace vserve {

struct Candidate {
    llama_token token;
    float logit;
};

// The model computed no numbers: generation_failed.
struct NoNumbers : EngineError {
    NoNumbers();
};

// A row of logits, with one for each token of the vocabulary (262,144 for Gemma), and what sampling asks of it. It is read
// in blocks: compilers vectorize the passes, and most blocks have no token that matters.
class LogitsRow {
  public:
    // Reads the row, which must stay as it is until the next call. Throws NoNumbers if one of the logits is not a number or
    // infinite, or if all are minus infinity.
    void read(const float * logits, int32_t count);

    int32_t size() const { return count_; }
    float greatest() const { return greatest_; }

    // The first token that has the greatest logit.
    llama_token likeliest() const;

    // The `count` tokens with the greatest logits, greatest first, or all of them.
    std::vector<Candidate> likeliest(int32_t count) const;

    // The k-th greatest logit, for k from 1 to size().
    float kth_greatest(int32_t k) const;

    // Replaces `candidates` by the tokens with a logit of at least `least`, in order of their ids.
    void gather(float least, std::vector<Candidate> & candidates) const;

    // The sum of the weights of all tokens: see weight(). Logits are multiplied by `scale` first.
    double total_weight(float scale);

    // The same sum of each weight times its distance.
    double weighed_distance(float scale) const;

    // The standard deviation of the logits that are not minus infinity.
    double deviation() const;

    // The token at the fraction `fraction`, from 0 to below 1, of total_weight(scale).
    llama_token at_fraction(double fraction, float scale);

  private:
    int32_t blocks() const { return static_cast<int32_t>(greatest_of_block_.size()); }
    int32_t end_of(int32_t block) const;
    float weight_of_block(int32_t block, float scale) const;

    const float * logits_ = nullptr;
    int32_t count_ = 0;
    float greatest_ = 0;
    std::vector<float> greatest_of_block_;
    std::vector<float> weight_of_block_;
};

}  // namespace vserve
