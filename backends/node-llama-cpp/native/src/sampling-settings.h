#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "llama.h"

namespace vserve {

enum class SamplerKind { penalties, temperature, top_k, top_p, min_p };

// How the next token is chosen: src/backend/sampling-settings.ts describes each.
struct SamplingSettings {
    float temperature = 1;  // 0: greedy
    float top_p = 1;
    int32_t top_k = -1;
    float min_p = 0;
    float frequency_penalty = 0;
    float presence_penalty = 0;
    float repetition_penalty = 1;
    std::optional<uint32_t> seed;
    std::vector<SamplerKind> samplers{SamplerKind::penalties, SamplerKind::temperature, SamplerKind::top_k,
                                      SamplerKind::top_p, SamplerKind::min_p};
    std::vector<llama_logit_bias> biases;  // added to the logits before anything else
};

}  // namespace vserve
