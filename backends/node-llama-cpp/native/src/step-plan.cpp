#include "step-plan.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace vserve {

namespace {

// ggml's kernels for CPUs multiply so many rows at once, and take longer for each that is left. A part of fewer than so many
// tiles would lose much of its share if it ended with one.
constexpr int32_t tile_rows = 16;
constexpr int32_t fewest_tiles = 8;

bool is_due_before(const PromptWork & a, const PromptWork & b) {
    return std::tie(a.served, a.submitted) < std::tie(b.served, b.submitted);
}

bool is_smaller(const PromptWork & a, const PromptWork & b) {
    return a.remaining_tokens != b.remaining_tokens ? a.remaining_tokens < b.remaining_tokens : is_due_before(a, b);
}

std::vector<size_t> sorted(const std::vector<PromptWork> & prompts, bool (*before)(const PromptWork &, const PromptWork &)) {
    std::vector<size_t> order(prompts.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return before(prompts[a], prompts[b]); });
    return order;
}

// The shares of a step while they are given out.
class Shares {
  public:
    Shares(const std::vector<PromptWork> & prompts, const StepBudget & budget)
        : prompts_(prompts), budget_(budget), tokens_(prompts.size(), 0) {
        const bool some_are_short = std::any_of(prompts.begin(), prompts.end(), [this](const auto & prompt) {
            return is_short(prompt);
        });
        left_for_long_ = budget.short_only ? 0 : some_are_short ? budget.beside_short : budget.tokens;
        left_for_rests_ = std::max(0, budget.most_tokens - budget.tokens);
        largest_ = budget.beside_streams ? 1 : 0;
    }

    // Gives up to `tokens` to the prompts in this order; no more than `most_prompts` have a share afterwards. Returns what is
    // left.
    int32_t give(const std::vector<size_t> & order, int32_t tokens, int32_t most_prompts) {
        for (const size_t i : order) {
            const int32_t room = room_of(i, most_prompts);
            int32_t given = std::min(tokens, room);
            if (given <= 0) {
                continue;
            }
            const int32_t rest = room - given;
            if (rest > 0 && rest <= left_for_rests_ && rest < given / 2 && is_short(prompts_[i])) {
                left_for_rests_ -= rest;
                given = room;
            }
            const bool is_part = tokens_[i] + given < prompts_[i].ready_tokens;
            if (budget_.mixing_costs && is_part && given >= fewest_tiles * tile_rows) {
                given -= rows_of_last_pass(given) % tile_rows;
            }
            add(i, given);
            tokens = std::max(0, tokens - given);
        }
        return tokens;
    }

    // Gives all that is ready of it to the first in this order that needs no more than `tokens`, and returns how many that
    // are. `images`: also to an image.
    int32_t complete_one(const std::vector<size_t> & order, int32_t tokens, bool images) {
        for (const size_t i : order) {
            const int32_t room = room_of(i, 1);
            if (room > 0 && prompts_[i].remaining_tokens <= tokens && (images || !prompts_[i].alone)) {
                add(i, room);
                return room;
            }
        }
        return 0;
    }

    // Completes the prompts in this order that have no share, as long as their sum is no more than `tokens`.
    void complete(const std::vector<size_t> & order, int32_t tokens) {
        for (const size_t i : order) {
            const int32_t room = tokens_[i] == 0 ? room_of(i, INT32_MAX) : 0;
            if (room > 0 && room <= tokens && room == prompts_[i].remaining_tokens) {
                add(i, room);
                tokens -= room;
            }
        }
    }

    int32_t sharers() const { return sharers_; }

    std::vector<int32_t> take() { return std::move(tokens_); }

  private:
    bool is_short(const PromptWork & prompt) const { return prompt.remaining_tokens <= budget_.tokens; }

    // llama.cpp computes as many tokens of each share as the smallest has, then what is left of the others.
    int32_t rows_of_last_pass(int32_t share) const { return share > largest_ ? share - largest_ : share; }

    void add(size_t i, int32_t given) {
        if (tokens_[i] == 0) {
            sharers_++;
            has_alone_ = has_alone_ || prompts_[i].alone;
        }
        tokens_[i] += given;
        largest_ = std::max(largest_, tokens_[i]);
        left_for_long_ -= is_short(prompts_[i]) ? 0 : given;
    }

    // How many tokens more a prompt may have.
    int32_t room_of(size_t i, int32_t most_prompts) const {
        const PromptWork & prompt = prompts_[i];
        if (tokens_[i] == 0 && (sharers_ == most_prompts || (prompt.alone && has_alone_))) {
            return 0;
        }
        const int32_t ready = prompt.ready_tokens - tokens_[i];
        return is_short(prompt) ? ready : std::min(ready, left_for_long_);
    }

    const std::vector<PromptWork> & prompts_;
    const StepBudget & budget_;
    std::vector<int32_t> tokens_;
    int32_t left_for_long_;
    int32_t left_for_rests_;
    int32_t largest_;  // of the shares so far
    int32_t sharers_ = 0;
    bool has_alone_ = false;
};

}  // namespace

std::vector<int32_t> share_out(const std::vector<PromptWork> & prompts, const StepBudget & budget, uint64_t step) {
    const auto by_size = sorted(prompts, is_smaller);
    const auto by_turn = sorted(prompts, is_due_before);
    const bool is_odd = step % 2 == 1;
    const auto & first = is_odd ? by_turn : by_size;
    const auto & second = is_odd ? by_size : by_turn;
    const int32_t half = budget.tokens / 2;
    Shares shares(prompts, budget);
    if (budget.mixing_costs) {
        // An even step belongs to the smallest anyway.
        const bool images = !prompts.empty() && !prompts[by_turn.front()].alone;
        const int32_t completed = is_odd ? shares.complete_one(by_size, half, images) : 0;
        const int32_t left = shares.give(first, budget.tokens - completed, shares.sharers() + 1);
        if (budget.beside_streams) {
            shares.complete(first, left);
        }
    } else {
        const int32_t left = shares.give(first, budget.tokens - half, INT32_MAX);
        shares.give(by_size, shares.give(second, half + left, INT32_MAX), INT32_MAX);
    }
    return shares.take();
}

size_t next_in_turn(const std::vector<PromptWork> & works, uint64_t turn) {
    const auto next = std::min_element(works.begin(), works.end(), turn % 2 == 0 ? is_smaller : is_due_before);
    return static_cast<size_t>(next - works.begin());
}

}  // namespace vserve
