// The part of the engine that decides what a step holds, and which request is admitted next.

#include <algorithm>

#include "engine.h"

namespace vserve {

namespace {

// llama.cpp splits a batch for a recurrent state where its sequences have different lengths, and every part takes a pass over
// the weights.
constexpr int32_t most_prompts_of_recurrent_model = 2;

}  // namespace

// Shares out the rest of the step, once the batch has the next tokens of the streams.
void Engine::share_out_prompts() {
    std::vector<SequencePtr> sequences;
    std::vector<PromptWork> works;
    for (const auto & sequence : running_) {
        const int32_t ready = sequence->decoding() || sequence->encoding ? 0 : ready_tokens(*sequence);
        if (ready > 0) {
            sequences.push_back(sequence);
            works.push_back(work_of(*sequence, ready));
        }
    }
    const auto shares = share_out(works, prompt_budget(), steps_);
    for (size_t i = 0; i < shares.size(); i++) {
        if (shares[i] > 0 && works[i].alone) {
            image_share_ = {sequences[i], shares[i]};
        } else if (shares[i] > 0) {
            prompt_shares_.emplace_back(sequences[i], shares[i]);
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

StepBudget Engine::prompt_budget() const {
    // At least one token: a prompt must not wait for the end of the streams.
    const int32_t beside_others = std::max(1, static_cast<int32_t>(options_.batch_tokens * options_.prompt_share));
    const int32_t streams = batch_.size();
    const bool image_is_due = owed_to_image_ > Clock::duration::zero();
    const bool is_recurrent = llama_model_is_recurrent(model_) || llama_model_is_hybrid(model_);
    return {std::min(streams > 0 || image_is_due ? beside_others : options_.batch_tokens, options_.batch_tokens - streams),
            beside_others, image_is_due, is_recurrent ? most_prompts_of_recurrent_model : INT32_MAX};
}

// The places in the queue to try, in order. The caller holds the lock.
std::vector<size_t> Engine::next_to_admit() const {
    std::vector<WaitingRequest> requests;
    for (const auto & sequence : queue_) {
        const Client & client = sequence->settings.client;
        requests.push_back({turns_.running(client), turns_.served(client), sequence->was_admitted(), sequence->passed_over});
    }
    return admission_order(requests);
}

}  // namespace vserve
