// The part of the engine that decides what a step holds.

#include <algorithm>

#include "engine.h"

namespace vserve {

namespace {

// Tokens of long prompts beside a short one: with fewer, reading the weights would be most of the step.
constexpr int32_t fewest_beside_short = 64;

}  // namespace

// Shares out a step to the answers that generate: a token to each, and more to those for which a draw made several, but no
// more of these than prompts may have beside streams. Returns the sum.
int32_t Engine::share_out_draws(const std::vector<AnswerPtr> & answers, Shares & shares) const {
    for (const auto & answer : answers) {
        if (answer->decoding()) {
            shares.emplace_back(answer, 1);
        }
    }
    auto sum = static_cast<int32_t>(shares.size());
    // Half of what is left, so that prompts advance.
    int32_t more = std::min({prompt_tokens_beside_others(), (options_.batch_tokens - sum) / 2, most_prompt_tokens_ / 2});
    for (auto & [answer, tokens] : shares) {
        const int32_t given = std::min({more, answer->waiting_tokens() - 1, answer->most_batch_tokens - 1});
        tokens += given;
        more -= given;
        sum += given;
    }
    return sum;
}

// Shares out the rest of a step with `streams` next tokens to the prompts among `answers`.
void Engine::share_out_prompts(const std::vector<AnswerPtr> & answers, int32_t streams) {
    std::vector<AnswerPtr> prompts;
    std::vector<PromptWork> works;
    bool reports = false;  // on a prompt: one in a step
    for (const auto & answer : answers) {
        int32_t ready = answer->decoding() || answer->encoding ? 0 : ready_tokens(*answer);
        if (ready > 0 && reports_prompt(*answer) && !answer->at_image()) {
            ready = reports ? 0 : std::min(ready, most_prompt_rows);
            reports = true;
        }
        if (ready > 0) {
            prompts.push_back(answer);
            works.push_back(work_of(*answer, ready));
        }
    }
    const auto shares = share_out(works, prompt_budget(streams), steps_);
    for (size_t i = 0; i < shares.size(); i++) {
        if (shares[i] > 0 && works[i].alone) {
            image_share_ = {prompts[i], shares[i]};
        } else if (shares[i] > 0) {
            prompt_shares_.emplace_back(prompts[i], shares[i]);
        }
    }
}

// What a step can compute of a prompt: text up to the next image, or rows of an image that can be decoded in pieces.
int32_t Engine::ready_tokens(const Answer & answer) {
    if (!answer.at_image()) {
        return std::min({answer.waiting_tokens(), answer.most_batch_tokens, tokens_to_checkpoint(answer)});
    }
    const Chunk & chunk = answer.chunk();
    return !attends_both_ways(chunk) && is_encoded(answer) ? chunk.n_tokens - answer.place.done.chunk_tokens : 0;
}

PromptWork Engine::work_of(const Answer & answer, int32_t ready_tokens) const {
    return {ready_tokens, answer.remaining_tokens(), turns_.served(answer.request->settings.client),
            answer.request->submitted_at.time_since_epoch().count(), answer.at_image()};
}

StepBudget Engine::prompt_budget(int32_t streams) const {
    const int32_t beside_others = prompt_tokens_beside_others();
    const bool image_is_due = owed_to_image_ > Clock::duration::zero();
    // Where sequences have cells or states of their own, llama.cpp splits a batch of different lengths, and every part takes
    // a pass over the weights.
    const bool mixing_costs =
        options_.separate_cells || llama_model_is_recurrent(model_) || llama_model_is_hybrid(model_);
    const int32_t tokens = streams > 0 || image_is_due ? beside_others : options_.batch_tokens;
    const int32_t limit = std::min(options_.batch_tokens - streams, most_prompt_tokens_);
    // The short one's first token waits for the long one's share, which in a step so small takes hardly longer for a token.
    const int32_t beside_short = std::min(beside_others, std::max(fewest_beside_short, beside_others / 4));
    return {std::min(tokens, limit), std::min(tokens + tokens / 2, limit), beside_short, image_is_due, streams > 0,
            mixing_costs};
}

}  // namespace vserve
