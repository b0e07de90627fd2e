#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "client-turns.h"
#include "grammar-rules.h"
#include "llama.h"
#include "log-probs.h"
#include "prompt.h"
#include "repetition-watch.h"
#include "sampling-settings.h"

namespace vserve {

using Clock = std::chrono::steady_clock;

// Tokens that an answer goes on with, in place of those that would be drawn, once it has `after` tokens.
struct ForcedRun {
    int32_t after = 0;
    std::vector<llama_token> tokens;
};

struct GenerationSettings {
    SamplingSettings sampling;
    int32_t choices = 1;      // answers to generate
    int32_t max_tokens = -1;  // of each; -1: to the end of the context
    int32_t min_tokens = 0;   // nothing else ends an answer before
    bool ignore_eos = false;
    bool skip_special_tokens = true;  // keep control tokens out of the answer's text
    bool include_stop = false;        // make what ended the answer a part of its text
    std::optional<int32_t> log_probs;  // report on each token, and on this many of the likeliest
    std::optional<int32_t> prompt_log_probs;  // likewise on each text token of the prompt
    bool report_progress = false;      // of the prompt
    RepetitionStop repetition_stop;
    std::vector<ForcedRun> forced_runs;  // for tests, in order
    uint64_t adapter = 0;    // Adapters::none, or the id of one
    std::string cache_salt;  // prompts share cached prefixes with prompts of the same salt only
    Client client;           // whose turn it is within a step
    std::vector<std::string> stop_strings;
    std::vector<llama_token> stop_tokens;
    std::shared_ptr<const GrammarRules> grammar;  // of each whole answer; null for any text
    std::string begun_text;  // what the prompt has of the answers, which the grammar begins with where it can
};

// What was asked. All of its answers share it: the prompt is computed once, its images are encoded once.
struct Request {
    Request(uint64_t id, GenerationSettings settings)
        : id(id),
          settings(std::move(settings)),
          // Another adapter computes other cells. What is reported on has to be computed: nothing may come from the cache.
          cells_salt(salt_prefix_of(this->settings.adapter) + this->settings.cache_salt +
                     (this->settings.prompt_log_probs ? "\nreported " + std::to_string(id) : "")) {}

    // What the salts of all requests begin with that use an adapter.
    static std::string salt_prefix_of(uint64_t adapter) { return std::to_string(adapter) + "\n"; }

    const uint64_t id;
    const GenerationSettings settings;
    const std::string cells_salt;  // cached prefixes of the same salt serve it
    std::atomic<bool> cancelled{false};  // ends all answers

    // The request's own, and the model's. Once the prompt is built.
    std::vector<std::string> stop_strings() const {
        std::vector<std::string> all = settings.stop_strings;
        all.insert(all.end(), prompt.plan.stops.begin(), prompt.plan.stops.end());
        return all;
    }

    // Built before the answers are submitted; then only the engine thread touches it and what follows.
    Prompt prompt;
    int32_t most_thought_tokens = -1;          // of an answer; -1: no limit
    std::vector<llama_token> thought_end;      // what is forced then
    std::unordered_set<llama_token> spoken_tokens;  // control tokens that answers read

    const Clock::time_point submitted_at = Clock::now();
    bool was_admitted = false;
    double encode_ms = 0;          // its images spent in the encoder, without what other answers computed meanwhile
    int32_t cached_tokens = 0;     // prompt tokens in the cache when its first answer was admitted
    size_t cached_chunks = 0;      // whole chunks of the prompt, likewise
    int32_t reported_tokens = -1;  // the most prompt tokens that were reported as done
    int32_t unfinished = 0;        // answers
    int32_t without_token = 0;     // answers that draw their first token from the row of logits behind the prompt
    std::vector<std::optional<TokenReport>> prompt_reports;  // by text token
    std::vector<float> first_row;  // that row, while some have yet to draw
};

}  // namespace vserve
