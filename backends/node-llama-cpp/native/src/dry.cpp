#include "dry.h"

#include <algorithm>

namespace vserve {

namespace {

constexpr size_t most_kept = 8;

bool is_on(const SamplingSettings & settings) {
    const auto & samplers = settings.samplers;
    return std::find(samplers.begin(), samplers.end(), SamplerKind::dry) != samplers.end() &&
           settings.dry_multiplier != 0.0f && settings.dry_base >= 1.0f && settings.dry_window != 0;
}

std::string key_of(const SamplingSettings & settings, int32_t window) {
    std::string key = std::to_string(settings.dry_multiplier) + ' ' + std::to_string(settings.dry_base) + ' ' +
                      std::to_string(settings.dry_allowed_length) + ' ' + std::to_string(window);
    for (const auto & breaker : settings.dry_breakers) {
        key += ' ' + std::to_string(breaker.size()) + ' ' + breaker;
    }
    return key;
}

}  // namespace

void Dry::see(llama_token token) {
    seen_.push_back(token);
    llama_sampler_accept(sampler_.get(), token);
}

// llama.cpp's sampler changes the logits that it is given: it gets no others than those of tokens that were seen where the
// sequence could repeat itself.
std::unordered_map<llama_token, float> Dry::penalties() {
    std::unordered_map<llama_token, float> costs;
    if (seen_.empty()) {
        return costs;
    }
    const bool follows_the_last = allowed_length_ > 0;
    for (auto token = seen_.begin(); token != seen_.end(); token++) {
        if (follows_the_last) {
            token = std::find(token, seen_.end() - 1, seen_.back()) + 1;
            if (token == seen_.end()) {
                break;
            }
        }
        costs[*token] = 0;
        if (follows_the_last) {
            token--;
        }
    }
    std::vector<llama_token_data> data;
    for (const auto & [token, cost] : costs) {
        data.push_back({token, 0.0f, 0.0f});
    }
    llama_token_data_array array{data.data(), data.size(), -1, false};
    llama_sampler_apply(sampler_.get(), &array);
    for (const auto & token : data) {
        costs[token.id] = -token.logit;
    }
    return costs;
}

std::unique_ptr<Dry> DryFactory::make(const SamplingSettings & settings) {
    if (!is_on(settings)) {
        return nullptr;
    }
    const int32_t window = settings.dry_window < 0 ? longest_ : std::min(settings.dry_window, longest_);
    const std::string key = key_of(settings, window);
    llama_sampler * sampler = copy_of(key);
    if (sampler == nullptr) {
        SamplerPtr made(init(settings, window), llama_sampler_free);
        sampler = llama_sampler_clone(made.get());
        const std::lock_guard<std::mutex> lock(mutex_);
        made_.push_front({key, std::move(made)});
        if (made_.size() > most_kept) {
            made_.pop_back();
        }
    }
    return std::make_unique<Dry>(sampler, settings);
}

llama_sampler * DryFactory::init(const SamplingSettings & settings, int32_t window) const {
    std::vector<const char *> breakers;
    for (const auto & breaker : settings.dry_breakers) {
        breakers.push_back(breaker.c_str());
    }
    return llama_sampler_init_dry(vocab_, settings.dry_multiplier, settings.dry_base, settings.dry_allowed_length, window,
                                  breakers.data(), breakers.size());
}

llama_sampler * DryFactory::copy_of(const std::string & key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(made_.begin(), made_.end(), [&key](const Made & made) { return made.key == key; });
    if (found == made_.end()) {
        return nullptr;
    }
    made_.splice(made_.begin(), made_, found);
    return llama_sampler_clone(found->sampler.get());
}

}  // namespace vserve
