#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "answer-grammar.h"
#include "client-turns.h"
#include "prompt.h"
#include "sampler.h"
#include "sampling-settings.h"
#include "text-stream.h"

namespace vserve {

using Clock = std::chrono::steady_clock;

struct GenerationSettings {
    SamplingSettings sampling;
    int32_t max_tokens = -1;  // -1: to the end of the context
    bool ignore_eos = false;
    bool skip_special_tokens = true;  // keep control tokens out of the answer's text
    int32_t reported_logits = 0;  // how many of each token's greatest logits to report, for comparisons
    std::string cache_salt;  // prompts share cached prefixes with prompts of the same salt only
    Client client;           // whose turn it is within a step
    std::vector<std::string> stop_strings;
    std::shared_ptr<const GrammarRules> grammar;  // of the whole answer; null for any text
};

// One request, from submission to its last token. Besides `cancelled`, only the engine thread touches it once submitted.
//
// Its work is a queue of tokens and images: the prompt's chunks, then the tokens it generated. After preemption it starts
// again at the beginning of the queue.
struct Sequence {
    Sequence(uint64_t id, GenerationSettings settings)
        : id(id), settings(std::move(settings)), text(this->settings.stop_strings), submitted_at(Clock::now()) {}

    const uint64_t id;
    const GenerationSettings settings;
    std::atomic<bool> cancelled{false};

    Prompt prompt;
    std::unique_ptr<Sampler> sampler;
    std::unique_ptr<AnswerGrammar> grammar;  // null for any text
    TextStream text;
    std::vector<llama_token> generated;
    std::vector<Candidate> likeliest;  // of each token in turn, as many as the settings ask for

    // Progress in the queue.
    size_t chunk = 0;            // the first chunk not completely in the KV cache
    int32_t chunk_tokens = 0;    // tokens, or an image's rows, of that chunk in the cache
    size_t generated_in_cache = 0;
    struct Progress {
        size_t chunk = 0;
        int32_t chunk_tokens = 0;
        size_t generated_in_cache = 0;
    };
    Progress before_batch;  // the current one

    // Its place in the context.
    llama_seq_id slot = -1;
    uint32_t admissions = 0;
    int32_t passed_over = 0;  // requests admitted instead of it
    std::optional<uint64_t> refused_after;  // KvCache::releases() when there was no room for it
    uint64_t admission_step = 0;    // the engine's steps before it was admitted
    uint64_t first_token_step = 0;  // and when it got its first token
    llama_pos n_pos = 0;
    int32_t batch_tokens = 0;  // its tokens in the current batch
    bool encoding = false;
    bool suspected = false;  // of having no numbers: see Engine::find_out_alone
    int32_t failed_batches = 0;
    int32_t cached_tokens = 0;   // prompt tokens in the cache at first admission

    Clock::time_point submitted_at;
    Clock::time_point admitted_at{};
    Clock::time_point first_token_at{};

    bool at_image() const { return chunk < prompt.chunks.size() && prompt.chunks[chunk].media != nullptr; }

    bool was_admitted() const { return admitted_at != Clock::time_point{}; }

    // The prompt's last, with nothing generated yet: a token is drawn after it.
    bool is_last_chunk() const { return chunk + 1 == prompt.chunks.size() && generated.empty(); }

    // Text tokens to decode before the next image or the next sampled token.
    int32_t waiting_tokens() const {
        if (chunk < prompt.chunks.size()) {
            return at_image() ? 0 : prompt.chunks[chunk].n_tokens - chunk_tokens;
        }
        return static_cast<int32_t>(generated.size() - generated_in_cache);
    }

    // Everything but the last token is in the cache.
    bool decoding() const { return chunk == prompt.chunks.size() && generated.size() == generated_in_cache + 1; }

    // Tokens to compute before the next one of the answer can be drawn, images included.
    int32_t remaining_tokens() const {
        int32_t tokens = static_cast<int32_t>(generated.size() - generated_in_cache) - chunk_tokens;
        for (size_t i = chunk; i < prompt.chunks.size(); i++) {
            tokens += prompt.chunks[i].n_tokens;
        }
        return tokens;
    }

    int32_t total_tokens() const { return prompt.n_tokens + static_cast<int32_t>(generated.size()); }

};

}  // namespace vserve
