#include "embed-queue.h"

#include <algorithm>
#include <utility>

namespace vserve {

void EmbedQueue::add(Input input) {
    turns_.enter(input.client);
    waiting_.push_back(std::move(input));
}

std::vector<uint64_t> EmbedQueue::take(size_t most_inputs, int32_t most_tokens) {
    std::vector<uint64_t> ids;
    int32_t tokens = 0;
    bool has_room = true;
    while (has_room && !waiting_.empty() && ids.size() < most_inputs) {
        const auto due = next();
        const bool joins = due->goes_together && tokens + due->n_tokens <= most_tokens;
        if (!ids.empty() && !joins) {
            break;
        }
        ids.push_back(due->id);
        tokens += due->n_tokens;
        has_room = due->goes_together;
        turns_.charge(due->client, due->n_tokens);
        turns_.leave(due->client);
        waiting_.erase(due);
    }
    return ids;
}

std::vector<uint64_t> EmbedQueue::take_all() {
    std::vector<uint64_t> ids;
    for (const auto & input : waiting_) {
        ids.push_back(input.id);
        turns_.leave(input.client);
    }
    waiting_.clear();
    return ids;
}

// Of several that are due, the one that has waited longest.
std::vector<EmbedQueue::Input>::iterator EmbedQueue::next() {
    auto due = waiting_.begin();
    auto served = turns_.served(due->client);
    for (auto input = due + 1; input != waiting_.end(); input++) {
        auto of_input = turns_.served(input->client);
        if (of_input < served) {
            due = input;
            served = std::move(of_input);
        }
    }
    return due;
}

}  // namespace vserve
