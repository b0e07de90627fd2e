#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "llama.h"
#include "sampling-settings.h"

namespace vserve {

// llama.cpp's "don't repeat yourself". It looks at the prompt and the answer.
class Dry {
  public:
    // `sampler` is llama.cpp's own, of the same settings.
    Dry(llama_sampler * sampler, const SamplingSettings & settings)
        : sampler_(sampler, llama_sampler_free), allowed_length_(settings.dry_allowed_length) {}

    void see(llama_token token);

    // Tokens that would prolong a repetition, with what that costs their logits.
    std::unordered_map<llama_token, float> penalties();

  private:
    std::unique_ptr<llama_sampler, decltype(&llama_sampler_free)> sampler_;
    const int32_t allowed_length_;
    std::vector<llama_token> seen_;
};

// Makes them. Which tokens a breaker is part of takes a look at the whole vocabulary: what was found for the settings of the
// last requests is kept. Thread-safe.
class DryFactory {
  public:
    // `longest` stands for a window without end.
    DryFactory(const llama_vocab * vocab, int32_t longest) : vocab_(vocab), longest_(longest) {}

    // Null if the settings turn it off.
    std::unique_ptr<Dry> make(const SamplingSettings & settings);

  private:
    using SamplerPtr = std::unique_ptr<llama_sampler, decltype(&llama_sampler_free)>;
    struct Made {
        std::string key;
        SamplerPtr sampler;
    };

    llama_sampler * init(const SamplingSettings & settings, int32_t window) const;
    llama_sampler * copy_of(const std::string & key);

    const llama_vocab * vocab_;
    const int32_t longest_;
    std::mutex mutex_;
    std::list<Made> made_;  // guarded by mutex_; the last used first
};

}  // namespace vserve
