#include "sampler.h"

#include <algorithm>

#include "error.h"

namespace vserve {

namespace {

// A longer list costs more than it saves.
constexpr int32_t longest_shortlist = 512;
constexpr int32_t block = 64;
// Per token: the chain builds and sorts candidates.
constexpr int64_t cost_of_chain = 16;

bool less_likely(const llama_token_data & a, const llama_token_data & b) {
    return a.logit > b.logit;  // makes a heap with the least likely on top
}

}  // namespace

Sampler::Sampler(const llama_model * model, common_params_sampling params)
    : sampler_(common_sampler_init(model, params)) {
    if (!sampler_) {
        throw EngineError("generation_failed", "llama.cpp could not create the sampler.");
    }
    const llama_vocab * vocab = llama_model_get_vocab(model);
    vocabulary_ = llama_vocab_n_tokens(vocab);
    // Penalties can bring up a token outside of the shortlist.
    const bool penalized =
        params.penalty_repeat != 1.0f || params.penalty_freq != 0.0f || params.penalty_present != 0.0f;
    const int32_t wanted = params.temp <= 0.0f ? 1 : params.top_k;
    int32_t suppressed = 0;  // tokens that the chain removes or lowers before it chooses
    llama_vocab_get_suppress_tokens(vocab, &suppressed);
    suppressed += static_cast<int32_t>(params.logit_bias.size());
    for (const auto & [token, bias] : params.logit_bias) {
        if (bias > 0.0f) {
            raised_.push_back(token);
        }
    }
    if (!penalized && wanted > 0 && wanted + suppressed <= std::min(longest_shortlist, vocabulary_)) {
        shortlist_ = wanted + suppressed;
    }
}

llama_token Sampler::sample(llama_context * context, int32_t row) {
    if (shortlist_ == 0) {
        return common_sampler_sample(sampler_.get(), context, row);
    }
    const float * logits = llama_get_logits_ith(context, row);
    pick_likeliest(logits);
    add_raised(logits);
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    llama_sampler_apply(common_sampler_get(sampler_.get()), &array);
    return array.data[array.selected].id;
}

std::vector<llama_token_data> Sampler::likeliest(llama_context * context, int32_t row, int32_t count) const {
    const float * logits = llama_get_logits_ith(context, row);
    std::vector<llama_token_data> all;
    for (llama_token token = 0; token < vocabulary_; token++) {
        all.push_back({token, logits[token], 0.0f});
    }
    const auto end = all.begin() + std::min(count, vocabulary_);
    std::partial_sort(all.begin(), end, all.end(), less_likely);
    return {all.begin(), end};
}

int64_t Sampler::cost() const {
    return vocabulary_ * (shortlist_ > 0 ? 1 : cost_of_chain);
}

void Sampler::accept(llama_token token, bool is_generated) {
    common_sampler_accept(sampler_.get(), token, is_generated);
}

// Keeps a heap of the best so far and skips blocks of logits whose maximum is below the minimum of the heap. For most of the
// vocabulary that test is the only cost, and compilers vectorize it.
void Sampler::pick_likeliest(const float * logits) {
    candidates_.clear();
    for (llama_token token = 0; token < shortlist_; token++) {
        candidates_.push_back({token, logits[token], 0.0f});
    }
    std::make_heap(candidates_.begin(), candidates_.end(), less_likely);
    for (int32_t first = shortlist_; first < vocabulary_; first += block) {
        const int32_t end = std::min(first + block, vocabulary_);
        float greatest = logits[first];
        for (int32_t i = first + 1; i < end; i++) {
            greatest = logits[i] > greatest ? logits[i] : greatest;
        }
        if (!(greatest > candidates_.front().logit)) {
            continue;
        }
        for (int32_t i = first; i < end; i++) {
            if (logits[i] > candidates_.front().logit) {
                std::pop_heap(candidates_.begin(), candidates_.end(), less_likely);
                candidates_.back() = {i, logits[i], 0.0f};
                std::push_heap(candidates_.begin(), candidates_.end(), less_likely);
            }
        }
    }
    std::sort(candidates_.begin(), candidates_.end(), less_likely);
}

void Sampler::add_raised(const float * logits) {
    for (const llama_token token : raised_) {
        const bool listed = std::any_of(candidates_.begin(), candidates_.end(),
                                        [token](const auto & candidate) { return candidate.id == token; });
        if (!listed) {
            candidates_.push_back({token, logits[token], 0.0f});
        }
    }
}

}  // namespace vserve
