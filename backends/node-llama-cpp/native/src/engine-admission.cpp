// The part of the engine that gives sequences their places in the context.

#include <algorithm>

#include "engine.h"

namespace vserve {

// Admits sequences while there is a slot, and room for the prompt and one more token.
void Engine::admit() {
    while (running_.size() < static_cast<size_t>(options_.max_sequences) && admit_next()) {
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    running_count_ = running_.size();
}

// Admits the first in line for which there is room. Returns whether there was one. Without the lock while cells are copied:
// JavaScript's thread takes it.
bool Engine::admit_next() {
    std::vector<SequencePtr> passed_over;
    for (const auto & sequence : next_to_admit()) {
        if (!may_join(*sequence)) {
            return false;
        }
        if (sequence->refused_after == cache_->releases()) {
            passed_over.push_back(sequence);
            continue;
        }
        std::optional<KvCache::Placement> placement;
        try {
            placement = cache_->place(sequence->prompt, sequence->settings.cache_salt, sequence->total_tokens() + 1);
        } catch (...) {
            take_from_queue(sequence);
            fail(sequence, engine_error_of(std::current_exception()));
            return true;
        }
        if (!placement) {
            sequence->refused_after = cache_->releases();
            passed_over.push_back(sequence);
            continue;
        }
        take_from_queue(sequence);
        for (const auto & other : passed_over) {
            other->passed_over++;
        }
        seat(sequence, *placement);
        return true;
    }
    return false;
}

// The sequences of the queue to try, in order.
std::vector<Engine::SequencePtr> Engine::next_to_admit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<WaitingRequest> requests;
    for (const auto & sequence : queue_) {
        const Client & client = sequence->settings.client;
        requests.push_back({turns_.running(client), turns_.served(client), sequence->was_admitted(), sequence->passed_over});
    }
    std::vector<SequencePtr> sequences;
    for (const size_t place : admission_order(requests)) {
        sequences.push_back(queue_[place]);
    }
    return sequences;
}

void Engine::take_from_queue(const SequencePtr & sequence) {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.erase(std::find(queue_.begin(), queue_.end(), sequence));
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
    }
    if (sequence->admissions == 1) {
        sequence->cached_tokens = placement.cached_tokens;
    }
    running_.push_back(sequence);
    turns_.enter(sequence->settings.client);
    report_progress(*sequence);
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
