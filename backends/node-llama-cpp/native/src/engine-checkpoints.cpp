// The part of the engine that decides where a model that forgets keeps checkpoints: it can come back to nothing else.

#include <algorithm>

#include "engine.h"

namespace vserve {

namespace {

// Of a long conversation: a turn that is asked again or edited is one of the last.
constexpr size_t most_last_ends = 3;

// What stands behind the last message, for the model to begin its own.
constexpr int32_t most_opening_tokens = 16;

}  // namespace

// Where prompts are likely to part: behind the first message, which many conversations share, and the last ones before what
// is asked, by their tokens that end a turn.
std::vector<int32_t> Engine::message_ends(const Prompt & prompt) const {
    std::vector<int32_t> ends;
    int32_t tokens = 0;
    for (const auto & chunk : prompt.chunks) {
        for (size_t i = 0; i < chunk.tokens.size(); i++) {
            if (llama_vocab_is_eog(vocab_, chunk.tokens[i])) {
                ends.push_back(tokens + static_cast<int32_t>(i) + 1);
            }
        }
        tokens += chunk.n_tokens;
    }
    while (!ends.empty() && ends.back() + most_opening_tokens >= tokens) {
        ends.pop_back();
    }
    if (ends.size() > most_last_ends + 1) {
        ends.erase(ends.begin() + 1, ends.end() - most_last_ends);
    }
    return ends;
}

// How many of the next text tokens of a prompt a batch may have, so that it ends where a checkpoint is due.
int32_t Engine::tokens_to_checkpoint(const Answer & answer) const {
    if (!answer.in_prompt() || !cache_->forgets()) {
        return INT32_MAX;
    }
    const int32_t done = answer.done_tokens();
    for (const int32_t end : answer.prompt().message_ends) {
        if (end > done && cache_->is_checkpoint_due(answer.place.slot, end)) {
            return end - done;
        }
    }
    return INT32_MAX;
}

// Besides where messages end, there are more towards the end of the prompt: where half of what was left at the last one is
// done, and where one more batch like this one completes the prompt.
bool Engine::is_worth_a_checkpoint(const Answer & answer) const {
    if (!cache_->forgets()) {
        return false;
    }
    const Prompt & prompt = answer.prompt();
    const auto & ends = prompt.message_ends;
    const int32_t done = std::min(answer.done_tokens(), prompt.n_tokens);
    const int32_t left = prompt.n_tokens - done;
    const int32_t left_before = prompt.n_tokens - cache_->last_checkpoint(answer.place.slot);
    const bool ends_message = std::find(ends.begin(), ends.end(), done) != ends.end();
    return ends_message || left <= left_before / 2 || left <= answer.place.batch_tokens;
}

}  // namespace vserve
