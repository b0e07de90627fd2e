// The part of the engine that gives sequences their places in the context.

#include "engine.h"

namespace vserve {

// Admits sequences in order while there is a slot, and room for the prompt and one more token. Without the lock while cells
// are copied: JavaScript's thread takes it.
void Engine::admit() {
    while (const SequencePtr sequence = next_to_admit()) {
        std::optional<KvCache::Placement> placement;
        try {
            placement = cache_->place(sequence->prompt, sequence->settings.cache_salt, sequence->total_tokens() + 1);
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex_);
            placing_ = false;
            fail(sequence, engine_error_of(std::current_exception()));
            continue;
        }
        if (placement) {
            seat(sequence, *placement);
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        placing_ = false;
        running_count_ = running_.size();
        if (!placement) {
            queue_.push_front(sequence);
            refused_ = Refused{sequence->id, cache_->releases()};
            return;
        }
    }
}

// Takes the head out of the queue. Null if there is none, or it was refused and nothing was released since.
Engine::SequencePtr Engine::next_to_admit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (queue_.empty()) {
        return nullptr;
    }
    const SequencePtr head = queue_.front();
    if (refused_ && refused_->sequence == head->id && refused_->releases == cache_->releases()) {
        return nullptr;
    }
    refused_.reset();
    queue_.pop_front();
    placing_ = true;
    return head;
}

void Engine::seat(const SequencePtr & sequence, const KvCache::Placement & placement) {
    sequence->admissions++;
    sequence->slot = placement.slot;
    sequence->chunk = placement.chunk;
    sequence->chunk_tokens = placement.chunk_tokens;
    sequence->n_pos = placement.n_pos;
    sequence->generated_in_cache = 0;
    if (sequence->generated.empty()) {
        sequence->admitted_at = Clock::now();
        sequence->cached_tokens = placement.cached_tokens;
    }
    running_.push_back(sequence);
}

// Puts the sequences that generate side by side: llama.cpp reads the weights once for each run of adjacent slots.
void Engine::bring_streams_together() {
    std::vector<llama_seq_id> slots;
    for (const auto & sequence : running_) {
        if (sequence->decoding()) {
            slots.push_back(sequence->slot);
        }
    }
    for (const auto & [a, b] : cache_->bring_together(slots)) {
        for (const auto & sequence : running_) {
            if (sequence->slot == a) {
                sequence->slot = b;
            } else if (sequence->slot == b) {
                sequence->slot = a;
            }
        }
    }
}

}  // namespace vserve
