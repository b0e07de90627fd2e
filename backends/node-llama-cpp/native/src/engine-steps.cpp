// The part of the engine that decides what a step holds.

#include <algorithm>

#include "engine.h"

namespace vserve {

namespace {

// Where sequences have cells or states of their own, llama.cpp splits a batch of different lengths, and every part takes a pass
// over the weights.
constexpr int32_t most_prompts_apart = 2;

}  // namespace

// Shares out the rest of a step with `streams` next tokens to the prompts among `sequences`.
void Engine::share_out_prompts(const std::vector<SequencePtr> & sequences, int32_t streams) {
    std::vector<SequencePtr> prompts;
    std::vector<PromptWork> works;
    for (const auto & sequence : sequences) {
        const int32_t ready = sequence->decoding() || sequence->encoding ? 0 : ready_tokens(*sequence);
        if (ready > 0) {
            prompts.push_back(sequence);
            works.push_back(work_of(*sequence, ready));
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
int32_t Engine::ready_tokens(Sequence & sequence) {
    if (!sequence.at_image()) {
        return sequence.waiting_tokens();
    }
    const Chunk & chunk = sequence.prompt.chunks[sequence.chunk];
    return !attends_both_ways(chunk) && is_encoded(sequence) ? chunk.n_tokens - sequence.chunk_tokens : 0;
}

PromptWork Engine::work_of(const Sequence & sequence, int32_t ready_tokens) const {
    return {ready_tokens, sequence.remaining_tokens(), turns_.served(sequence.settings.client),
            sequence.submitted_at.time_since_epoch().count(), sequence.at_image()};
}

StepBudget Engine::prompt_budget(int32_t streams) const {
    const int32_t beside_others = prompt_tokens_beside_others();
    const bool image_is_due = owed_to_image_ > Clock::duration::zero();
    const bool apart =
        options_.separate_cells || llama_model_is_recurrent(model_) || llama_model_is_hybrid(model_);
    const int32_t tokens = streams > 0 || image_is_due ? beside_others : options_.batch_tokens;
    const int32_t limit = std::min(options_.batch_tokens - streams, most_prompt_tokens_);
    return {std::min(tokens, limit), std::min(tokens + tokens / 2, limit), beside_others, image_is_due,
            apart ? most_prompts_apart : INT32_MAX};
}

}  // namespace vserve
