// The part of the engine that gives answers their places in the context.

#include <algorithm>

#include "engine.h"

namespace vserve {

// Admits answers while there is a slot, and room for the prompt and one more token.
void Engine::admit() {
    while (running_.size() < static_cast<size_t>(options_.max_sequences) && admit_next()) {
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    running_count_ = running_.size();
}

// Admits the first in line for which there is room. Returns whether there was one. Without the lock while cells are copied:
// JavaScript's thread takes it.
bool Engine::admit_next() {
    std::vector<AnswerPtr> passed_over;
    for (const auto & answer : next_to_admit()) {
        if (!may_join(*answer)) {
            return false;
        }
        if (answer->refused_after == cache_->releases()) {
            passed_over.push_back(answer);
            continue;
        }
        std::optional<KvCache::Placement> placement;
        try {
            const Request & request = *answer->request;
            // Behind all of the prompt goes what was drawn there, or is drawn from a row of logits that is known.
            const bool whole = !answer->generated.empty() || !request.first_row.empty();
            placement = cache_->place(
                {request.prompt, request.cells_salt, request.id, answer->total_tokens() + 1, whole});
        } catch (...) {
            take_from_queue(answer);
            fail(answer, engine_error_of(std::current_exception()));
            return true;
        }
        if (!placement) {
            answer->refused_after = cache_->releases();
            passed_over.push_back(answer);
            continue;
        }
        take_from_queue(answer);
        for (const auto & other : passed_over) {
            other->passed_over++;
        }
        seat(answer, *placement);
        return true;
    }
    return false;
}

// The answers of the queue to try, in order.
std::vector<Engine::AnswerPtr> Engine::next_to_admit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<WaitingRequest> requests;
    std::vector<AnswerPtr> waiting;
    for (const auto & answer : queue_) {
        if (!awaits_prompt(*answer)) {
            const Client & client = answer->request->settings.client;
            requests.push_back({turns_.running(client), turns_.served(client), answer->was_admitted(), answer->passed_over});
            waiting.push_back(answer);
        }
    }
    std::vector<AnswerPtr> answers;
    for (const size_t place : admission_order(requests)) {
        answers.push_back(waiting[place]);
    }
    return answers;
}

// Whether another answer to the same request computes the prompt: with it, there will be something to copy.
bool Engine::awaits_prompt(const Answer & answer) const {
    const auto computes_it = [&answer](const auto & other) {
        return other->request == answer.request && other->in_prompt();
    };
    return answer.request->settings.choices > 1 && std::any_of(running_.begin(), running_.end(), computes_it);
}

void Engine::take_from_queue(const AnswerPtr & answer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.erase(std::find(queue_.begin(), queue_.end(), answer));
}

void Engine::seat(const AnswerPtr & answer, const KvCache::Placement & placement) {
    answer->admissions++;
    answer->place = {placement.slot, placement.n_pos, {placement.chunk, placement.chunk_tokens, 0}, {}, 0};
    if (answer->generated.empty()) {
        answer->admitted_at = Clock::now();
        answer->admission_step = steps_;
    }
    Request & request = *answer->request;
    if (answer->admissions == 1 && request.without_token == request.settings.choices) {
        request.cached_tokens = placement.cached_tokens;
        request.cached_chunks = placement.chunk;
    }
    running_.push_back(answer);
    turns_.enter(answer->request->settings.client);
    report_progress(*answer);
}

// Puts the answers that generate side by side: llama.cpp reads the weights once for each run of adjacent slots.
void Engine::bring_streams_together() {
    for (const auto & [a, b] : cache_->bring_together(streams_to_bring_together())) {
        for (const auto & answer : running_) {
            if (answer->place.slot == a) {
                answer->place.slot = b;
            } else if (answer->place.slot == b) {
                answer->place.slot = a;
            }
        }
    }
}

}  // namespace vserve
