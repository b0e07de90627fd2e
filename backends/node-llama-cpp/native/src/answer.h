#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "answer-grammar.h"
#include "answer-reader.h"
#include "cache-place.h"
#include "log-probs.h"
#include "repetition-watch.h"
#include "request.h"
#include "sampler.h"
#include "text-stream.h"

namespace vserve {

// One of the answers to a request, from submission to its last token: what the engine gives places to, and computes, each by
// itself. Only the engine thread touches it once submitted.
//
// Its work is a queue of tokens and images: the prompt's chunks, then its own tokens. Behind the last one of the queue, the
// next token is drawn. One draw may append several: all of them are in the next batch, and only the last has logits.
struct Answer {
    Answer(std::shared_ptr<Request> request, int32_t index, std::unique_ptr<Sampler> sampler,
           std::unique_ptr<AnswerGrammar> grammar)
        : request(std::move(request)),
          index(index),
          sampler(std::move(sampler)),
          grammar(std::move(grammar)),
          text(this->request->stop_strings(), this->request->settings.include_stop),
          repetition(this->request->settings.repetition_stop) {}

    const std::shared_ptr<Request> request;
    const int32_t index;
    const std::unique_ptr<Sampler> sampler;
    const std::unique_ptr<AnswerGrammar> grammar;  // null for any text

    TextStream text;
    std::unique_ptr<AnswerReader> reader;  // null: the answer is text, and nothing else
    std::vector<llama_token> generated;
    size_t before_draw = 0;            // tokens generated before the last draw
    std::deque<llama_token> forced;    // tokens that come next, in place of drawn ones
    RepetitionWatch repetition;
    HeldReports reports;  // on tokens, where asked for

    CachePlace place;
    uint32_t admissions = 0;
    int32_t passed_over = 0;  // requests admitted instead of it
    std::optional<uint64_t> refused_after;  // KvCache::releases() when there was no room for it
    uint64_t admission_step = 0;    // the engine's steps before it was admitted
    uint64_t first_token_step = 0;  // and when it got its first token
    bool encoding = false;
    int32_t trial_tokens = 0;  // it is computed alone until so many of its tokens are: see Engine::computing. 0: not on trial
    int32_t failed_together = 0;  // batches that lost its cells
    int32_t most_batch_tokens = INT32_MAX;  // of it in a batch, since larger ones failed and lost its cells
    int32_t failed_images = 0;

    Clock::time_point admitted_at{};
    Clock::time_point first_token_at{};

    const Prompt & prompt() const { return request->prompt; }

    bool was_admitted() const { return admitted_at != Clock::time_point{}; }

    // The chunk that it has come to.
    const Chunk & chunk() const { return prompt().chunks[place.done.chunk]; }

    bool in_prompt() const { return place.done.chunk < prompt().chunks.size(); }

    bool at_image() const { return in_prompt() && chunk().media != nullptr; }

    // The prompt's last, with nothing generated yet: a token is drawn after it.
    bool is_last_chunk() const { return place.done.chunk + 1 == prompt().chunks.size() && generated.empty(); }

    // Text tokens to decode before the next image or the next draw.
    int32_t waiting_tokens() const {
        if (in_prompt()) {
            return at_image() ? 0 : chunk().n_tokens - place.done.chunk_tokens;
        }
        return static_cast<int32_t>(generated.size() - place.done.generated);
    }

    // Everything before the last draw is in the cache, and something of that draw is not.
    bool decoding() const { return !in_prompt() && place.done.generated >= before_draw && waiting_tokens() > 0; }

    // The prompt is in the cache, and no token was drawn behind it.
    bool at_first_draw() const { return !in_prompt() && generated.empty(); }

    // Tokens to compute before the next one of the answer can be drawn, images included.
    int32_t remaining_tokens() const {
        int32_t tokens = static_cast<int32_t>(generated.size() - place.done.generated) - place.done.chunk_tokens;
        for (size_t i = place.done.chunk; i < prompt().chunks.size(); i++) {
            tokens += prompt().chunks[i].n_tokens;
        }
        return tokens;
    }

    // Tokens in the cache, those of images included.
    int32_t done_tokens() const { return total_tokens() - remaining_tokens(); }

    bool on_trial() const { return trial_tokens > 0; }

    int32_t total_tokens() const { return prompt().n_tokens + static_cast<int32_t>(generated.size()); }
};

}  // namespace vserve
