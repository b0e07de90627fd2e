#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "llama.h"
#include "logits-row.h"

namespace vserve {

// A token, and what the model made of it: its logit, before any sampler.
struct TokenLogit {
    llama_token token;
    float logit;
    std::string bytes;  // as in an answer's text
};

// A token that was chosen, and the likeliest in its place, the likeliest first. The logarithm of a token's probability is its
// logit less `log_sum`.
struct TokenReport {
    double log_sum;
    TokenLogit chosen;
    std::vector<TokenLogit> likeliest;
};

// Reports on a token of a row, without bytes. Throws NoNumbers.
TokenReport report_on(const float * logits, int32_t size, llama_token chosen, int32_t likeliest);

// Reports on tokens of an answer whose text is still held back, as it may become a stop string or a whole character.
class HeldReports {
  public:
    // Of a token whose bytes begin at `begin` of the answer.
    void push(size_t begin, TokenReport report) { held_.push_back({begin, std::move(report)}); }

    // Those of tokens that begin before `shown`, the end of the text that is certain.
    std::vector<TokenReport> take_shown(size_t shown);
    std::vector<TokenReport> take_all() { return take_shown(SIZE_MAX); }

  private:
    struct Held {
        size_t begin;
        TokenReport report;
    };
    std::deque<Held> held_;
};

}  // namespace vserve
