// The part of the engine that gives sequences their places in the context.

#include "engine.h"

namespace vserve {

// Admits sequences while there is a slot, and room for the prompt and one more token. Without the lock while cells are copied:
// JavaScript's thread takes it.
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
        if (placement) {
            pass_over_refused();
        } else {
            queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(place_in_queue_), sequence);
            refuse(*sequence);
        }
    }
}

// Takes the first in line out of the queue. Null if there is none but those that were refused, with nothing released since, or
// it may not join those that run.
Engine::SequencePtr Engine::next_to_admit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const size_t place : order_of_admission()) {
        const SequencePtr sequence = queue_[place];
        if (refused_at_ == cache_->releases() && refused_.count(sequence->id) != 0) {
            continue;
        }
        if (!may_join(*sequence)) {
            return nullptr;
        }
        queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(place));
        place_in_queue_ = place;
        placing_ = true;
        return sequence;
    }
    return nullptr;
}

// The places in the queue to try, in order. The caller holds the lock.
std::vector<size_t> Engine::order_of_admission() const {
    std::vector<WaitingRequest> requests;
    for (const auto & sequence : queue_) {
        const Client & client = sequence->settings.client;
        requests.push_back({turns_.running(client), turns_.served(client), sequence->was_admitted(), sequence->passed_over});
    }
    return admission_order(requests);
}

// Leaves a sequence in the queue until something is released.
void Engine::refuse(const Sequence & sequence) {
    if (refused_at_ != cache_->releases()) {
        refused_.clear();
        refused_at_ = cache_->releases();
    }
    refused_.insert(sequence.id);
}

// Notes that another was admitted past those that were refused. The caller holds the lock.
void Engine::pass_over_refused() {
    for (const auto & sequence : queue_) {
        if (refused_at_ == cache_->releases() && refused_.count(sequence->id) != 0) {
            sequence->passed_over++;
        }
    }
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
        sequence->admission_step = steps_;
        sequence->cached_tokens = placement.cached_tokens;
    }
    running_.push_back(sequence);
    turns_.enter(sequence->settings.client);
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
