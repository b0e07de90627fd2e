// The part of the engine that goes on when llama.cpp could not decode a batch.

#include <algorithm>

#include "engine.h"
#include "error.h"

namespace vserve {

namespace {

// An answer whose images could not be decoded so often is not computed again.
constexpr int32_t most_failed_images = 3;

constexpr int32_t most_doublings = 16;

}  // namespace

// Reverts the batch: its answers are where they were before, or torn.
void Engine::take_batch_back(int status) {
    for (const auto & answer : batch_answers_) {
        CachePlace & place = answer->place;
        place.n_pos -= place.batch_tokens;
        place.done = place.before_batch;
        cache_->take_back(place.slot, place.batch_tokens, place.n_pos);
    }
    const bool had_begun = status != decode_no_room;
    if (had_begun && cache_->moves_states_for(batch_answers_.size())) {
        cache_->lose_states();
        push_out_others();
    }
}

// Those that the batch was not for begin again, also in the middle of an image.
void Engine::push_out_others() {
    const auto running = running_;
    for (auto answer = running.rbegin(); answer != running.rend(); answer++) {
        if (std::find(batch_answers_.begin(), batch_answers_.end(), *answer) == batch_answers_.end()) {
            push_out(*answer);
        }
    }
}

// Makes the next step possible, or fails the answer that makes it impossible.
void Engine::recover(int status) {
    if (status != decode_no_room) {
        compute_one_by_one(status);
    } else if (!recover_room()) {
        fail_to_decode(batch_answers_.front(), batch_.size(), status);
    }
    flush_events();
}

// An answer whose cells could not be reverted is computed again from the beginning.
void Engine::push_out_torn() {
    const auto running = running_;
    for (const auto & answer : running) {
        const bool has_part_of_image = answer->at_image() && answer->place.done.chunk_tokens > 0;
        if (cache_->is_torn(answer->place.slot) && !answer->encoding && !has_part_of_image) {
            push_out(answer);
        }
    }
}

// For a batch that llama.cpp finds no room for: gives up what is needed least. False if that is nothing: one answer is
// left, with one token.
bool Engine::recover_room() {
    const auto streams = std::count_if(batch_answers_.begin(), batch_answers_.end(),
                                       [](const auto & answer) { return answer->decoding(); });
    const auto prompt_tokens = batch_.size() - static_cast<int32_t>(streams);
    if (batch_.size() == 1 && cache_->is_torn(batch_answers_.front()->place.slot)) {
        return false;
    }
    try_torn_apart();
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

// Computes each answer of a batch in one of its own: one that fails alone fails, and no other. Where there is no memory
// for a prompt's batch, it may be for a smaller one.
void Engine::compute_one_by_one(int status) {
    cache_->drop_copies();  // for more memory
    try_torn_apart();
    const auto answers = batch_answers_;
    for (const auto & answer : answers) {
        const int32_t tokens = answer->place.batch_tokens;
        const bool torn = answer->place.slot >= 0 && cache_->is_torn(answer->place.slot);
        if (answers.size() == 1 && tokens > 1 && (status == decode_no_memory || status == decode_threw)) {
            most_prompt_tokens_ = tokens / 2;
        } else if (answers.size() == 1) {
            fail_to_decode(answer, tokens, status);
        } else if (answer->place.slot >= 0 && !torn) {
            fill_batch(share_out_step({answer}));
            compute_batch();
        }
    }
    push_out_torn();
}

// For the answers of a batch whose cells could not be reverted. They begin again, each alone until it is past what failed:
// together, what failed for one would take the cells of all again. Each time twice as far, where they fail for being
// together.
void Engine::try_torn_apart() {
    for (const auto & answer : batch_answers_) {
        const int32_t tokens = answer->place.batch_tokens;
        if (answer->place.slot < 0 || !cache_->is_torn(answer->place.slot)) {
            continue;
        }
        if (batch_answers_.size() > 1) {
            const int32_t more = (1 << std::min(answer->failed_together++, most_doublings)) - 1;
            answer->trial_tokens = answer->done_tokens() + tokens + more;
        } else {
            answer->most_batch_tokens = std::max(1, tokens / 2);
        }
    }
}

// For an image that could not be decoded, and was taken back: lets the next round try again, or fails its answer.
void Engine::recover_image(const AnswerPtr & answer, int status) {
    const bool no_room = status == decode_no_room;
    const bool emptied = no_room && cache_->empty_idle();
    if (no_room ? !emptied && running_.size() == 1 : ++answer->failed_images > most_failed_images) {
        fail_to_decode(answer, answer->chunk().n_tokens, status);
        return;
    }
    if (!no_room) {
        cache_->drop_copies();  // for more memory
    } else if (!emptied) {
        hold_back_youngest();
    }
    push_out_torn();
}

// Until another answer ends.
void Engine::hold_back_youngest() {
    const AnswerPtr youngest = running_.back();
    push_out(youngest);
    youngest->refused_after = cache_->releases();
}

void Engine::fail_to_decode(const AnswerPtr & answer, int32_t tokens, int status) {
    fail(answer, "generation_failed",
         "llama.cpp could not decode a batch of " + std::to_string(tokens) + " tokens (" +
             (status == decode_threw ? decode_exception_ : "llama_decode returned " + std::to_string(status)) + ").");
}

}  // namespace vserve
