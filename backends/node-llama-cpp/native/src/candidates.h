#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "llama.h"
#include "logits-row.h"

namespace vserve {

// What is left of a row of logits to draw from: the whole row at first, which stays where it is; a list of tokens, in order
// of their ids, once a sampler leaves few of them.
//
// Logits are divided by the temperature where that matters: their order stays the same. "Likely" and "light" mean it too.
class Candidates {
  public:
    // Begins anew, with all tokens of a row. Changes are made in the row itself, until restore().
    void begin(float * logits, int32_t count);
    // Undoes the changes of the row, so that others can read it: log probabilities, or another answer to the same prompt.
    void restore();

    void set_temperature(float temperature) { temperature_ = temperature; }
    float temperature() const { return temperature_; }

    // Changes logits. What was listed before stays listed.
    void set(llama_token token, float logit);
    // Replaces the logit of each token of `seen` (a map) by change(logit, value). Both logits are divided by the temperature.
    // Does nothing where that would forbid all that is listed.
    template <typename Seen, typename Change>
    void change(const Seen & seen, const Change & change);

    // How many llama.cpp would count: some of its samplers leave tokens in the list, with a probability of 0.
    size_t count() const { return static_cast<size_t>(listed() + n_more_); }
    // Throws NoNumbers if the row has none, and EngineError (invalid_request) if all of it was forbidden.
    float greatest();
    // Of the distribution, in nats.
    double entropy();

    void keep_likeliest(int32_t count);
    // The likeliest that have `share` of the probability together. This and the others keep at least `min_keep` tokens.
    void keep_mass(float share, int32_t min_keep);
    void keep_relative(float to_likeliest, int32_t min_keep);
    void keep_typical(float share, int32_t min_keep);
    void keep_sigma(float deviations);
    // Those with an information of at most `bits`, or the likeliest.
    void keep_surprise(float bits);
    // Leaves out those with a probability of at least `threshold`, but the least likely one of them.
    void leave_out_top(float threshold, int32_t min_keep);
    // The first of the likeliest, alone.
    void keep_first();

    // All that is left, as a list.
    std::vector<Candidate> & list();
    // Their probabilities, in the same order.
    std::vector<float> probabilities();

    // What the likeliest tokens tell, in nats: at most `most` of them, those with a probability of 0 left out.
    std::vector<float> least_information(size_t most);

    llama_token likeliest();
    // The token at a fraction, from 0 to below 1, of all probability.
    llama_token at_fraction(double fraction);

  private:
    std::ptrdiff_t listed() const { return is_listed_ ? static_cast<std::ptrdiff_t>(list_.size()) : size_; }
    void read();
    void keep(float least);
    float kth_greatest(int32_t k);
    double total_weight();
    double entropy(double total_weight);

    float * logits_ = nullptr;
    int32_t size_ = 0;
    std::vector<Candidate> changed_;  // the row's own logits, of the tokens that were changed in it
    LogitsRow row_;
    bool is_read_ = false;
    bool is_listed_ = false;
    std::vector<Candidate> list_;
    std::vector<float> weights_;
    std::ptrdiff_t n_more_ = 0;  // than are left: see count()
    float temperature_ = 1;
};

template <typename Seen, typename Change>
void Candidates::change(const Seen & seen, const Change & change) {
    const auto changed = [&](float logit, const auto & value) { return change(logit / temperature_, value) * temperature_; };
    if (!is_listed_) {
        for (const auto & [token, value] : seen) {
            set(token, changed(logits_[token], value));
        }
        return;
    }
    std::vector<Candidate> list = list_;
    bool is_something_left = false;
    for (auto & candidate : list) {
        const auto found = seen.find(candidate.token);
        if (found != seen.end()) {
            candidate.logit = changed(candidate.logit, found->second);
        }
        is_something_left = is_something_left || candidate.logit > -INFINITY;
    }
    if (is_something_left) {
        list_ = std::move(list);
    }
}

}  // namespace vserve
