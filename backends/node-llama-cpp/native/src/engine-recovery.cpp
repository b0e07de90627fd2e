// The part of the engine that goes on when llama.cpp could not decode a batch.

#include <algorithm>

#include "engine.h"
#include "error.h"

namespace vserve {

namespace {

// A sequence that lost its cells in so many batches that failed is not computed again.
constexpr int32_t most_failed_batches = 3;

}  // namespace

// Reverts the batch: its sequences are where they were before.
void Engine::take_batch_back() {
    for (const auto & sequence : batch_sequences_) {
        const int32_t tokens = sequence->batch_tokens;
        sequence->n_pos -= tokens;
        sequence->chunk = sequence->before_batch.chunk;
        sequence->chunk_tokens = sequence->before_batch.chunk_tokens;
        sequence->generated_in_cache = sequence->before_batch.generated_in_cache;
        cache_->take_back(sequence->slot, tokens, sequence->n_pos);
    }
}

// Makes the next step possible, or fails the sequence that makes it impossible.
void Engine::recover(int status) {
    if (status != decode_no_room) {
        compute_one_by_one(status);
    } else if (!recover_room()) {
        fail_to_decode(batch_sequences_.front(), batch_.size(), status);
    }
    flush_events();
}

// A sequence whose cells could not be reverted is computed again from the beginning.
void Engine::push_out_torn() {
    const auto running = running_;
    for (const auto & sequence : running) {
        const bool has_part_of_image = sequence->at_image() && sequence->chunk_tokens > 0;
        if (cache_->is_torn(sequence->slot) && !sequence->encoding && !has_part_of_image) {
            push_out(sequence);
        }
    }
}

// For a batch that llama.cpp finds no room for: gives up what is needed least. False if that is nothing: one sequence is
// left, with one token.
bool Engine::recover_room() {
    const auto streams = std::count_if(batch_sequences_.begin(), batch_sequences_.end(),
                                       [](const auto & sequence) { return sequence->decoding(); });
    const auto prompt_tokens = batch_.size() - static_cast<int32_t>(streams);
    push_out_torn();
    if (cache_->empty_idle()) {
        return true;
    }
    if (prompt_tokens > 1) {
        most_prompt_tokens_ = prompt_tokens / 2;
        return true;
    }
    if (running_.size() <= 1) {
        return running_.empty();
    }
    hold_back_youngest();
    return true;
}

// Computes each sequence of a batch in one of its own: one that fails alone fails, and no other. Where there is no memory
// for a prompt's batch, it may be for a smaller one.
void Engine::compute_one_by_one(int status) {
    cache_->drop_copies();  // for more memory
    const auto sequences = batch_sequences_;
    for (const auto & sequence : sequences) {
        const bool torn = sequence->slot >= 0 && cache_->is_torn(sequence->slot);
        if (sequences.size() == 1 && !torn && sequence->batch_tokens > 1 &&
            (status == decode_no_memory || status == decode_threw)) {
            most_prompt_tokens_ = sequence->batch_tokens / 2;
        } else if (sequences.size() == 1 || (torn && ++sequence->failed_batches > most_failed_batches)) {
            fail_to_decode(sequence, sequence->batch_tokens, status);
        } else if (sequence->slot >= 0 && !torn) {
            fill_batch({sequence});
            compute_batch();
        }
    }
    push_out_torn();
}

// For an image that could not be decoded, and was taken back: lets the next round try again, or fails its sequence.
void Engine::recover_image(const SequencePtr & sequence, int status) {
    const bool no_room = status == decode_no_room;
    const bool emptied = no_room && cache_->empty_idle();
    if (no_room ? !emptied && running_.size() == 1 : ++sequence->failed_batches > most_failed_batches) {
        fail_to_decode(sequence, sequence->prompt.chunks[sequence->chunk].n_tokens, status);
        return;
    }
    if (!no_room) {
        cache_->drop_copies();  // for more memory
    } else if (!emptied) {
        hold_back_youngest();
    }
    push_out_torn();
}

// Until another sequence ends.
void Engine::hold_back_youngest() {
    const SequencePtr youngest = running_.back();
    push_out(youngest);
    youngest->refused_after = cache_->releases();
}

void Engine::fail_to_decode(const SequencePtr & sequence, int32_t tokens, int status) {
    fail(sequence, "generation_failed",
         "llama.cpp could not decode a batch of " + std::to_string(tokens) + " tokens (" +
             (status == decode_threw ? decode_exception_ : "llama_decode returned " + std::to_string(status)) + ").");
}

// A model that forgets comes back to checkpoints. Prompts part ways near their ends, so there are more of them there: where
// half of what was left at the last one is done, and where one more batch like this one completes the prompt.
bool Engine::is_worth_a_checkpoint(const Sequence & sequence) const {
    if (!cache_->forgets()) {
        return false;
    }
    int32_t done = sequence.chunk_tokens;
    for (size_t i = 0; i < sequence.chunk; i++) {
        done += sequence.prompt.chunks[i].n_tokens;
    }
    const int32_t left = sequence.prompt.n_tokens - done;
    const int32_t left_before = sequence.prompt.n_tokens - cache_->last_checkpoint(sequence.slot);
    return left <= left_before / 2 || left <= sequence.batch_tokens;
}

}  // namespace vserve
