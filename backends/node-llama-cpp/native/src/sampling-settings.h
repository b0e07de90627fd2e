#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "llama.h"

namespace vserve {

enum class SamplerKind {
    penalties,
    no_repeat_ngram,
    dry,
    top_n_sigma,
    temperature,
    top_k,
    typical_p,
    top_p,
    min_p,
    xtc,
    adaptive_p
};

// How the next token is chosen: src/backend/sampling-settings.ts describes each.
struct SamplingSettings {
    float temperature = 1;  // 0: greedy
    float temperature_range = 0;
    float temperature_exponent = 1;
    float top_p = 1;
    int32_t top_k = -1;
    float min_p = 0;
    float typical_p = 1;
    float top_n_sigma = -1;
    int32_t min_keep = 0;
    float xtc_probability = 0;
    float xtc_threshold = 0.1f;
    float adaptive_target = -1;
    float adaptive_decay = 0.9f;
    int32_t mirostat = 0;
    float mirostat_tau = 5;
    float mirostat_eta = 0.1f;
    float frequency_penalty = 0;
    float presence_penalty = 0;
    float repetition_penalty = 1;
    int32_t penalty_window = -1;
    int32_t no_repeat_ngram_size = 0;
    int32_t no_repeat_ngram_window = -1;
    bool no_repeat_ngram_prompt = false;  // looked for in the prompt too
    std::vector<llama_token> no_repeat_ngram_allowed;  // tokens that may complete such a sequence
    float dry_multiplier = 0;
    float dry_base = 1.75f;
    int32_t dry_allowed_length = 2;
    int32_t dry_window = -1;
    std::vector<std::string> dry_breakers;
    std::optional<uint32_t> seed;
    std::vector<SamplerKind> samplers{SamplerKind::penalties,   SamplerKind::no_repeat_ngram, SamplerKind::dry,
                                      SamplerKind::top_n_sigma, SamplerKind::temperature,     SamplerKind::top_k,
                                      SamplerKind::top_p,       SamplerKind::min_p,           SamplerKind::typical_p,
                                      SamplerKind::xtc,         SamplerKind::adaptive_p};
    std::vector<llama_logit_bias> biases;   // added to the logits before anything else
    int32_t min_tokens = 0;                 // of an answer, before which none of `endings` is drawn
    std::vector<llama_token> endings;
};

}  // namespace vserve
