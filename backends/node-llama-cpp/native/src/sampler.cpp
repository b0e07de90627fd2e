#include "sampler.h"

#include <algorithm>
#include <cmath>

#include "nucleus.h"
#include "weight.h"

namespace vserve {

namespace {

// Per token, measured: see cost().
constexpr int64_t cost_of_weights = 4;
constexpr int64_t cost_of_nucleus = 6;
// A rounding error must not cut the nucleus short.
constexpr double margin = 0.999;

}  // namespace

// Undoes the changes of the row, so that others can read it: logprobs, or another answer to the same prompt.
class Sampler::Restored {
  public:
    Restored(Sampler & sampler, float * logits) : sampler_(sampler), logits_(logits) {}
    ~Restored() {
        auto & changed = sampler_.changed_;
        for (auto own = changed.rbegin(); own != changed.rend(); own++) {
            logits_[own->token] = own->logit;
        }
        changed.clear();
    }
    Restored(const Restored &) = delete;
    Restored & operator=(const Restored &) = delete;

  private:
    Sampler & sampler_;
    float * logits_;
};

Sampler::Sampler(int32_t n_tokens, SamplingSettings settings)
    : n_tokens_(n_tokens),
      settings_(std::move(settings)),
      penalties_(settings_),
      random_(settings_.seed ? *settings_.seed : std::random_device()()) {
    for (const SamplerKind kind : settings_.samplers) {
        if (changes_something(kind)) {
            samplers_.push_back(kind);
        }
    }
    // The likeliest token passes all the others, unless a penalty falls on what they leave.
    while (is_greedy() && !samplers_.empty() && samplers_.back() != SamplerKind::penalties) {
        samplers_.pop_back();
    }
}

bool Sampler::changes_something(SamplerKind kind) const {
    switch (kind) {
        case SamplerKind::penalties:
            return !penalties_.are_off();
        case SamplerKind::temperature:
            return !is_greedy() && settings_.temperature != 1.0f;
        case SamplerKind::top_k:
            return settings_.top_k > 0 && settings_.top_k < n_tokens_;
        case SamplerKind::top_p:
            return settings_.top_p < 1.0f;
        case SamplerKind::min_p:
            return settings_.min_p > 0.0f;
    }
    return false;
}

llama_token Sampler::sample(float * logits) {
    const Restored restored(*this, logits);
    apply_all(logits);
    return choose(logits);
}

std::vector<llama_token_data> Sampler::distribution(float * logits) {
    const Restored restored(*this, logits);
    apply_all(logits);
    read(logits);
    if (!is_narrowed_) {
        keep(-INFINITY);
    }
    if (is_greedy()) {
        keep_likeliest(1);
        candidates_.resize(1);
    }
    const float most = greatest();
    double total = 0;
    std::vector<llama_token_data> tokens;
    for (const auto & [token, logit] : candidates_) {
        const float p = weight((most - logit) / temperature_);
        total += p;
        if (p > 0) {
            tokens.push_back({token, logit / temperature_, p});
        }
    }
    for (auto & token : tokens) {
        token.p = static_cast<float>(token.p / total);
    }
    return tokens;
}

int64_t Sampler::cost() const {
    const auto uses = [this](SamplerKind kind) {
        return std::find(samplers_.begin(), samplers_.end(), kind) != samplers_.end();
    };
    const bool is_short = is_greedy() || uses(SamplerKind::top_k) || uses(SamplerKind::min_p);
    const int64_t for_each = uses(SamplerKind::top_p) ? cost_of_nucleus : cost_of_weights;
    return n_tokens_ * (is_short ? 1 : for_each);
}

void Sampler::apply_all(float * logits) {
    is_read_ = false;
    is_narrowed_ = false;
    temperature_ = 1;
    for (const auto & [token, bias] : settings_.biases) {
        set(logits, token, logits[token] + bias);
    }
    for (const SamplerKind kind : samplers_) {
        apply(kind, logits);
    }
}

void Sampler::apply(SamplerKind kind, float * logits) {
    switch (kind) {
        case SamplerKind::penalties:
            penalize(logits);
            break;
        case SamplerKind::temperature:
            temperature_ *= settings_.temperature;
            break;
        case SamplerKind::top_k:
            read(logits);
            keep_likeliest(settings_.top_k);
            break;
        case SamplerKind::top_p:
            read(logits);
            keep_mass(settings_.top_p);
            break;
        case SamplerKind::min_p:
            read(logits);
            keep(greatest() + std::log(settings_.min_p) * temperature_);
            break;
    }
}

// Changes the row. What was gathered from it before stays as it is.
void Sampler::set(float * logits, llama_token token, float logit) {
    changed_.push_back({token, logits[token]});
    logits[token] = logit;
}

void Sampler::penalize(float * logits) {
    if (!is_narrowed_) {
        for (const auto & [token, count] : penalties_.seen()) {
            set(logits, token, penalized(logits[token], count));
        }
        is_read_ = false;
        return;
    }
    for (auto & candidate : candidates_) {
        const auto seen = penalties_.seen().find(candidate.token);
        if (seen != penalties_.seen().end()) {
            candidate.logit = penalized(candidate.logit, seen->second);
        }
    }
}

float Sampler::penalized(float logit, int32_t count) const {
    return penalties_.penalized(logit / temperature_, count) * temperature_;
}

void Sampler::read(const float * logits) {
    if (!is_read_ && !is_narrowed_) {
        row_.read(logits, n_tokens_);
        is_read_ = true;
    }
}

float Sampler::greatest() const {
    if (!is_narrowed_) {
        return row_.greatest();
    }
    const auto less = [](const Candidate & a, const Candidate & b) { return a.logit < b.logit; };
    return std::max_element(candidates_.begin(), candidates_.end(), less)->logit;
}

void Sampler::keep(float least) {
    if (!is_narrowed_) {
        row_.gather(least, candidates_);
        is_narrowed_ = true;
        return;
    }
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                     [least](const Candidate & candidate) { return candidate.logit < least; }),
                      candidates_.end());
}

void Sampler::keep_likeliest(int32_t count) {
    if (!is_narrowed_) {
        keep(row_.kth_greatest(count));
        return;
    }
    if (static_cast<size_t>(count) < candidates_.size()) {
        std::vector<Candidate> ranked = candidates_;
        std::nth_element(ranked.begin(), ranked.begin() + (count - 1), ranked.end(),
                         [](const Candidate & a, const Candidate & b) { return a.logit > b.logit; });
        keep(ranked[count - 1].logit);
    }
}

// Keeps the likeliest tokens that have `share` of the probability together.
void Sampler::keep_mass(float share) {
    const float scale = 1 / temperature_;
    const float most = greatest();
    double total = 0;
    if (!is_narrowed_) {
        total = row_.total_weight(scale);
        // Tokens so light that all of the vocabulary would not weigh enough.
        const double light = (1 - share) * total / n_tokens_ * margin;
        keep(most + static_cast<float>(std::log(light)) * temperature_);
    } else {
        for (const auto & candidate : candidates_) {
            total += weight((most - candidate.logit) * scale);
        }
    }
    const Nucleus nucleus = find_nucleus(candidates_, most, scale, total * share);
    keep(nucleus.least);
    size_t with_least = 0;
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                     [&](const Candidate & candidate) {
                                         return candidate.logit == nucleus.least && ++with_least > nucleus.with_least;
                                     }),
                      candidates_.end());
}

llama_token Sampler::choose(const float * logits) {
    read(logits);
    if (!is_narrowed_) {
        return is_greedy() ? row_.likeliest() : row_.at_fraction(fraction(), 1 / temperature_);
    }
    return draw();
}

llama_token Sampler::draw() {
    const float most = greatest();
    if (is_greedy()) {
        return std::find_if(candidates_.begin(), candidates_.end(),
                            [most](const Candidate & candidate) { return candidate.logit == most; })
            ->token;
    }
    double total = 0;
    for (auto & candidate : candidates_) {
        candidate.logit = weight((most - candidate.logit) / temperature_);
        total += candidate.logit;
    }
    const double target = total * fraction();
    double sum = 0;
    llama_token last = candidates_.front().token;
    for (const auto & [token, of_token] : candidates_) {
        sum += of_token;
        if (of_token > 0) {
            last = token;
        }
        if (sum > target) {
            break;
        }
    }
    return last;
}

// Uniform from 0 to below 1, the same for a seed on every platform.
double Sampler::fraction() {
    const uint64_t high = random_() >> 5;
    const uint64_t low = random_() >> 6;
    return static_cast<double>((high << 26) + low) / (1ull << 53);
}

}  // namespace vserve
