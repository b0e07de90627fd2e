#include "kv-content.h"

#include <algorithm>
#include <numeric>

namespace vserve {

int32_t KvContent::tokens() const {
    return std::accumulate(runs.begin(), runs.end(), 0, [](int32_t sum, const Run & run) { return sum + run.n_tokens; });
}

size_t KvContent::checkpoint_bytes() const {
    return std::accumulate(checkpoints.begin(), checkpoints.end(), size_t{0},
                           [](size_t sum, const Checkpoint & checkpoint) { return sum + checkpoint.state->size(); });
}

void KvContent::append_token(llama_token token) {
    if (runs.empty() || !runs.back().image_key.empty()) {
        runs.emplace_back();
    }
    runs.back().tokens.push_back(token);
    runs.back().n_tokens++;
    runs.back().n_pos++;
}

void KvContent::append_image(const Chunk & chunk) {
    runs.push_back({{}, chunk.image_key, chunk.n_tokens, chunk.n_pos});
}

void KvContent::drop_tokens(int32_t count) {
    if (count == 0) {
        return;
    }
    Run & last = runs.back();
    last.tokens.resize(last.tokens.size() - count);
    last.n_tokens -= count;
    last.n_pos -= count;
    if (last.tokens.empty()) {
        runs.pop_back();
    }
}

void KvContent::truncate(const Place & at) {
    while (!checkpoints.empty() && checkpoints.back().tokens > at.cached_tokens) {
        checkpoints.pop_back();
    }
    runs.resize(std::min(runs.size(), at.chunk + (at.chunk_tokens > 0 ? 1 : 0)));
    if (at.chunk_tokens > 0) {
        Run & last = runs.back();
        last.tokens.resize(at.chunk_tokens);
        last.n_tokens = at.chunk_tokens;
        last.n_pos = at.chunk_tokens;
    } else if (!runs.empty() && runs.back().image_key.empty()) {
        // The last run may go on past the end of the prompt's chunk.
        int32_t before = 0;
        for (size_t i = 0; i + 1 < runs.size(); i++) {
            before += runs[i].n_tokens;
        }
        Run & last = runs.back();
        last.tokens.resize(at.cached_tokens - before);
        last.n_tokens = at.cached_tokens - before;
        last.n_pos = last.n_tokens;
    }
}

KvContent::Place KvContent::common_prefix(const Prompt & prompt, bool whole, int32_t most_tokens) const {
    Place common{};
    Place before_last{};  // all but the last token or image of the prompt
    for (size_t i = 0; i < prompt.chunks.size() && i < runs.size(); i++) {
        const Chunk & chunk = prompt.chunks[i];
        const Run & run = runs[i];
        const int32_t left = most_tokens - common.cached_tokens;
        if (run.image_key != chunk.image_key || left <= 0) {
            break;
        }
        before_last = common;
        if (chunk.media == nullptr) {
            const auto mismatch = std::mismatch(chunk.tokens.begin(), chunk.tokens.end(), run.tokens.begin(), run.tokens.end());
            const auto agreed = std::min(left, static_cast<int32_t>(mismatch.first - chunk.tokens.begin()));
            common.cached_tokens += agreed;
            common.n_pos += agreed;
            if (agreed < chunk.n_tokens) {
                common.chunk_tokens = agreed;
                break;
            }
            before_last.cached_tokens += agreed - 1;
            before_last.n_pos += agreed - 1;
            before_last.chunk_tokens = agreed - 1;
        } else {
            common.cached_tokens += chunk.n_tokens;
            common.n_pos += chunk.n_pos;
        }
        common.chunk++;
        if (run.tokens.size() > chunk.tokens.size()) {
            break;
        }
    }
    return common.chunk == prompt.chunks.size() && !whole ? before_last : common;
}

}  // namespace vserve
